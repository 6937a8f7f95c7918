// The subcommands of `sluice`: one file each (config.cpp and keys.cpp hold a family), one row each.
#include "app/cli/command.h"

namespace sluice::app::cli {

std::function<int()> declare_ask(Arguments& arguments);
std::function<int()> declare_bench_text(Arguments& arguments);
std::function<int()> declare_caption(Arguments& arguments);
std::function<int()> declare_completion(Arguments& arguments);
std::function<int()> declare_config_check(Arguments& arguments);
std::function<int()> declare_config_import(Arguments& arguments);
std::function<int()> declare_config_init(Arguments& arguments);
std::function<int()> declare_config_reference(Arguments& arguments);
std::function<int()> declare_config_schema(Arguments& arguments);
std::function<int()> declare_config_show(Arguments& arguments);
std::function<int()> declare_drill(Arguments& arguments);
std::function<int()> declare_keys_create(Arguments& arguments);
std::function<int()> declare_keys_list(Arguments& arguments);
std::function<int()> declare_keys_revoke(Arguments& arguments);
std::function<int()> declare_list(Arguments& arguments);
std::function<int()> declare_providers(Arguments& arguments);
std::function<int()> declare_providers_check(Arguments& arguments);
std::function<int()> declare_providers_refresh(Arguments& arguments);
std::function<int()> declare_pull(Arguments& arguments);
std::function<int()> declare_quickstart_ask(Arguments& arguments);
std::function<int()> declare_route_explain(Arguments& arguments);
std::function<int()> declare_run(Arguments& arguments);
std::function<int()> declare_selftest(Arguments& arguments);
std::function<int()> declare_serve(Arguments& arguments);
std::function<int()> declare_setup(Arguments& arguments);
std::function<int()> declare_show(Arguments& arguments);
std::function<int()> declare_version(Arguments& arguments);

namespace {

constexpr Command kCommands[] = {
    {"serve", "answer requests", declare_serve},
    {"run", "ask a model on this machine, or talk to it", declare_run},
    {"ask", "ask about pictures: IMAGE... QUESTION", declare_ask},
    {"caption", "describe pictures, one or whole folders", declare_caption},
    {"pull", "download a model of the Hugging Face Hub", declare_pull},
    {"selftest", "ask a model about pictures drawn on the spot, and judge it", declare_selftest},
    {"list", "list the models on this machine", declare_list},
    {"show", "tell what a model is and what it takes", declare_show},
    {"providers", "list the providers and what switches them on", declare_providers},
    {"providers check", "ask a provider something small and say what came back", declare_providers_check},
    {"providers refresh", "fetch the providers' own lists of models and prices", declare_providers_refresh},
    {"setup", "take a provider's key, try it and keep it", declare_setup},
    {"route explain", "tell who would answer a request and why, without asking anybody",
     declare_route_explain},
    {"keys create", "make a key and print it once", declare_keys_create},
    {"keys list", "list the keys", declare_keys_list},
    {"keys revoke", "take a key out of use", declare_keys_revoke},
    {"config init", "write a commented configuration file", declare_config_init},
    {"config check", "check a configuration file", declare_config_check},
    {"config import", "translate another router's configuration", declare_config_import},
    {"config show", "print the settings in force", declare_config_show},
    {"config schema", "print the JSON Schema of the configuration", declare_config_schema},
    {"config reference", "print the settings as a Markdown table", declare_config_reference},
    {"drill", "put a gateway through every fault a provider can have", declare_drill},
    {"completion", "print a completion script", declare_completion},
    {"version", "print the version", declare_version},
    {"bench-text", "", declare_bench_text},
    {"quickstart-ask", "", declare_quickstart_ask},
};

}  // namespace

std::span<const Command> all_commands() {
  return kCommands;
}

}  // namespace sluice::app::cli
