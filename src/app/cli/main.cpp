#include "app/cli/command.h"

int main(int argc, char** argv) {
  return sluice::app::cli::run_command_line(argc, argv);
}
