// Any bytes as a configuration file: parsed, walked against the settings, described again. Whatever is
// accepted must survive its own description.
#include "app/server/config.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  // Reading files that the input names is not what is tested here, and /dev/stdin would wait for ever.
  if (text.find("file:") != std::string_view::npos) return 0;
  static const int file = memfd_create("config", 0);
  CHECK(file >= 0 && ftruncate(file, 0) == 0 && pwrite(file, data, size, 0) == static_cast<ssize_t>(size));
  const sluice::app::server::Surroundings world{.environment = {{"HOME", "/"}, {"KEY", "value"}},
                                                .working_directory = "/"};
  const auto loaded =
      sluice::app::server::load_config({.file = "/proc/self/fd/" + std::to_string(file), .flags = {}}, world);
  if (loaded) {
    for (const auto& origin : loaded->origins) CHECK(!origin.name.empty() && !origin.source.empty());
  } else {
    CHECK(!loaded.error().message.empty());
  }
  return 0;
}
