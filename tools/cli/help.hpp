#pragma once

#include <CLI/Formatter.hpp>

#include <string>
#include <utility>

namespace sandfleet::cli {

/// CLI11's help with descriptions wrapped below themselves. `usage_end` is what the usage line ends
/// with, for words that CLI11 does not see.
class help_formatter : public CLI::Formatter {
 public:
  explicit help_formatter(std::size_t width, std::string usage_end = {})
      : width_(width), usage_end_(std::move(usage_end)) {
    column_width(flag_column);
  }

  /// As wide as the terminal, within reason.
  static std::size_t usual_width();

  [[nodiscard]] const std::string& usage_end() const { return usage_end_; }

  std::string make_usage(const CLI::App* app, std::string name) const override;
  std::string make_option(const CLI::Option* option, bool is_positional) const override;
  std::string make_option_opts(const CLI::Option* option) const override;
  std::string make_subcommand(const CLI::App* sub) const override;

 private:
  static constexpr std::size_t flag_column = 34;

  [[nodiscard]] std::string row(const std::string& name, const std::string& description) const;

  std::size_t width_;
  std::string usage_end_;
};

} // namespace sandfleet::cli
