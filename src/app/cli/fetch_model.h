// What `pull` does, and what `run`, `ask` and `caption` do when the model named is not on this machine: shows
// what would be downloaded, how much and under which licence, and downloads it.
#pragma once

#include <string>

#include "app/cli/chat_session.h"
#include "app/cli/command.h"
#include "app/cli/config_options.h"
#include "app/huggingface/pull.h"
#include "base/result.h"

namespace sluice::app::cli {

// How a command may reach the Hub.
class HubOptions {
 public:
  void declare(Arguments& arguments);          // --config, --local-only, --ca-file
  void declare_implied(Arguments& arguments);  // and -y
  bool agreed() const { return yes_; }
  base::Result<huggingface::Puller> puller() const;

 private:
  ConfigOptions config_;
  bool yes_ = false;
};

// Several lines on standard error: files, sizes, licence, what is here already.
void print_plan(const huggingface::Plan& plan);
// With a progress bar on standard error.
base::Status fetch_with_progress(const huggingface::Puller& puller, const huggingface::Plan& plan);

// load_for_chat(); a model of the Hub that is not here is fetched first, when the user agrees.
base::Result<ChatSession::LoadedModel> load_or_fetch(const std::string& name, const HubOptions& options);

// kPrerequisiteMissing for what a network, a token or accepted terms would mend, else kFailed.
int report_missing(const base::Error& error);

}  // namespace sluice::app::cli
