#include <memory>

#include "app/cli/config_options.h"
#include "app/server/server.h"

namespace sluice::app::cli {

std::function<int()> declare_serve(Arguments& arguments) {
  auto options = std::make_shared<ConfigOptions>();
  options->declare(arguments);
  return [options] {
    const base::Status ended = server::run_until_stopped(options->request());
    return ended ? static_cast<int>(kDone) : report(ended.error());
  };
}

}  // namespace sluice::app::cli
