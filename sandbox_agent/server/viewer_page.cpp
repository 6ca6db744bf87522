#include "sandbox_agent/server/viewer_page.hpp"

#include "runtime/core/text.hpp"
#include "runtime/protocol/utf8.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace sandfleet::agent {

namespace {

constexpr std::array<std::pair<std::string_view, std::string_view>, 5> types{{
    {".pdf", "application/pdf"},
    {".png", "image/png"},
    {".jpg", "image/jpeg"},
    {".jpeg", "image/jpeg"},
    {".gif", "image/gif"},
}};

constexpr std::string_view style = "body{margin:0;font-family:sans-serif}"
                                   "img{display:block;max-width:100%;margin:20px auto}"
                                   "canvas{display:block;margin:10px auto;max-width:100%}"
                                   "embed{width:100%;height:100vh}";

/// Draws a document's pages, which a browser without a viewer of its own can do with this library
/// alone; where it cannot be had, the browser's own is asked for.
constexpr std::string_view pdf_library =
    "https://cdnjs.cloudflare.com/ajax/libs/pdf.js/3.11.174/pdf.min.js";
constexpr std::string_view pdf_script = R"(
(async () => {
  const place = document.getElementById('viewer-container');
  const text = document.getElementById('file').textContent;
  try {
    const library = window.pdfjsLib;
    library.GlobalWorkerOptions.workerSrc =
        document.getElementById('library').src.replace('pdf.min.js', 'pdf.worker.min.js');
    const data = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    const pages = await library.getDocument({data, isEvalSupported: false}).promise;
    for (let number = 1; number <= pages.numPages; ++number) {
      const page = await pages.getPage(number);
      const viewport = page.getViewport({scale: 1.5});
      const canvas = place.appendChild(document.createElement('canvas'));
      canvas.width = viewport.width;
      canvas.height = viewport.height;
      await page.render({canvasContext: canvas.getContext('2d'), viewport}).promise;
    }
  } catch {
    const own = document.createElement('embed');
    own.type = 'application/pdf';
    own.src = 'data:application/pdf;base64,' + text;
    place.replaceChildren(own);
  }
})();
)";

std::string_view name_of(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

/// As os.path.splitext: the dots that a name begins with do not count.
std::string ending_of(std::string_view path) {
  const auto name = name_of(path);
  const auto first = std::min(name.find_first_not_of('.'), name.size());
  const auto dot = name.rfind('.');
  return dot == std::string_view::npos || dot < first ? std::string()
                                                      : core::to_lower(name.substr(dot));
}

std::string concat(std::initializer_list<std::string_view> parts) {
  std::string text;
  for (const auto part : parts)
    text += part;
  return text;
}

} // namespace

std::string html_text(std::string_view bytes) {
  std::string text;
  for (const char c : protocol::to_utf8(bytes)) {
    switch (c) {
    case '&':
      text += "&amp;";
      break;
    case '<':
      text += "&lt;";
      break;
    case '>':
      text += "&gt;";
      break;
    case '"':
      text += "&quot;";
      break;
    case '\'':
      text += "&#39;";
      break;
    default:
      text += c;
    }
  }
  return text;
}

std::optional<std::string_view> shown_type(std::string_view path) {
  const auto ending = ending_of(path);
  const auto* const found =
      std::ranges::find(types, std::string_view(ending), [](const auto& one) { return one.first; });
  return found == types.end() ? std::nullopt : std::optional(found->second);
}

std::string unsupported_text(std::string_view path) {
  std::string known;
  for (const auto& [ending, type] : types)
    known += (known.empty() ? "" : ", ") + std::string(ending);
  return "Unsupported file extension: " + ending_of(path) + ". Supported extensions are: " + known;
}

std::string error_page(std::string_view title, std::string_view path, std::string_view reason) {
  auto page = concat({"<h1>", html_text(title), "</h1><p>", html_text(path), "</p>"});
  if (!reason.empty())
    page += concat({"<p>", html_text(reason), "</p>"});
  return page;
}

viewer_page page_for(std::string_view path, std::string_view media_type,
                     std::string_view script_nonce) {
  const auto name = html_text(name_of(path));
  viewer_page page;
  page.before = concat({"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"UTF-8\">\n"
                        "<meta name=\"viewport\" content=\"width=device-width\">\n"
                        "<title>File Viewer - ",
                        name, "</title>\n<style>", style,
                        "</style>\n</head>\n<body>\n<div id=\"viewer-container\">"});
  page.policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data: blob:; base-uri "
                "'none'; form-action 'none'";
  if (media_type != "application/pdf") {
    page.before += concat({"<img alt=\"", name, "\" src=\"data:", media_type, ";base64,"});
    page.after = "\"></div>\n</body>\n</html>\n";
    return page;
  }
  page.before += "</div>\n<script id=\"file\" type=\"text/plain\">";
  page.after = concat({"</script>\n<script id=\"library\" nonce=\"", script_nonce, "\" src=\"",
                       pdf_library, "\"></script>\n<script nonce=\"", script_nonce, "\">",
                       pdf_script, "</script>\n</body>\n</html>\n"});
  page.policy += concat({"; script-src 'nonce-", script_nonce,
                         "' https://cdnjs.cloudflare.com; worker-src blob: "
                         "https://cdnjs.cloudflare.com; connect-src https://cdnjs.cloudflare.com "
                         "data:; font-src data:; object-src data:"});
  return page;
}

} // namespace sandfleet::agent
