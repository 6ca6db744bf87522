#include "runtime/providers/docker/own_containers.hpp"

#include "runtime/providers/docker/container.hpp"

#include <map>
#include <utility>

namespace sandfleet::providers::docker {

namespace asio = boost::asio;
using sandfleet::docker::container_summary;

namespace {

std::string sandbox_of(const std::map<std::string, std::string>& labels) {
  const auto found = labels.find(std::string(label_sandbox));
  return found == labels.end() ? std::string() : found->second;
}

} // namespace

std::string label_of(const sandbox_id& id) {
  return std::string(label_sandbox) + "=" + id.str();
}

asio::awaitable<result<std::vector<container_summary>>>
own_containers(sandfleet::docker::api engine, std::string label) {
  auto listed = co_await engine.list(std::move(label));
  if (!listed)
    co_return fail(std::move(listed.error()));
  std::vector<container_summary> ours;
  for (auto& one : *listed) {
    const auto id = sandbox_of(one.labels);
    if (id.empty())
      continue;
    if (one.name != container_name(sandbox_id(id)) && !one.image_id.empty()) {
      const auto image = co_await engine.image(one.image_id);
      if (!image)
        co_return fail(image.error());
      if (*image && sandbox_of((*image)->labels) == id)
        continue;
    }
    ours.push_back(std::move(one));
  }
  co_return ours;
}

} // namespace sandfleet::providers::docker
