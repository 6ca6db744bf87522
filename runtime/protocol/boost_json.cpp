// Boost.JSON compiled in: the agent links no shared library, and distributions do not all ship a
// static one.
#include <boost/json/src.hpp>
