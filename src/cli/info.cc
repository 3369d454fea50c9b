// SPDX-License-Identifier: Apache-2.0
// info: the data root and the system that it is on.
#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include <algorithm>
#include <thread>

#include "cli/formatter.h"
#include "cli/routes.h"
#include "cli/units.h"

namespace strata::cli {
namespace {

struct Facts {
  std::string root;
  std::string driver;
  bool root_exists = false;
  size_t images = 0;
  size_t layers = 0;
  size_t references = 0;
  size_t containers = 0;
  size_t running = 0;
  std::string kernel, architecture, host_name, system;
  size_t processors = 0;
  uint64_t memory_bytes = 0;
};

Status read_store(Context& context, Facts& facts) {
  facts.root = context.root();
  STRATA_TRY(std::optional<store::Store> store, context.open_if_there());
  if (!store) return {};
  facts.root_exists = true;
  facts.root = store->root_path();
  facts.driver = store->driver().name();
  STRATA_TRY(std::vector<ImageId> images, store->images().list());
  STRATA_TRY(std::vector<store::Layer> layers, store->layers().list());
  STRATA_TRY(store::References references, store->references());
  STRATA_TRY(std::vector<store::Container> containers, store->containers());
  facts.images = images.size();
  facts.layers = layers.size();
  facts.references = references.all().size();
  facts.containers = containers.size();
  facts.running = static_cast<size_t>(
      std::count_if(containers.begin(), containers.end(), [](const auto& c) { return c.running; }));
  return {};
}

// PRETTY_NAME of os-release(5).
std::string operating_system() {
  Result<std::string> text = read_file_at(Fd(), "/etc/os-release");
  if (!text.ok()) return "";
  const std::string key = "\nPRETTY_NAME=";
  size_t at = ("\n" + *text).find(key);
  if (at == std::string::npos) return "";
  std::string line = text->substr(at + key.size() - 1);
  line = line.substr(0, line.find('\n'));
  std::erase(line, '"');
  return line;
}

void read_system(Facts& facts) {
  utsname names{};
  if (::uname(&names) == 0) {
    facts.kernel = names.release;
    facts.architecture = names.machine;
    facts.host_name = names.nodename;
  }
  struct sysinfo memory {};
  if (::sysinfo(&memory) == 0) facts.memory_bytes = uint64_t{memory.totalram} * memory.mem_unit;
  facts.processors = std::thread::hardware_concurrency();
  facts.system = operating_system();
}

std::string text_of(const Facts& facts) {
  std::string out = fmt::format("strata Version: {}\nRoot Dir: {}{}\n", STRATA_VERSION, facts.root,
                                facts.root_exists ? "" : " (not there yet)");
  if (facts.root_exists) {
    out += fmt::format("Storage Driver: {}\nImages: {}\nLayers: {}\nReferences: {}\n", facts.driver,
                       facts.images, facts.layers, facts.references);
    out += fmt::format("Containers: {}\n Running: {}\n Stopped: {}\n", facts.containers,
                       facts.running, facts.containers - facts.running);
  }
  out += fmt::format("Kernel Version: {}\nOperating System: {}\nOSType: linux\nArchitecture: {}\n",
                     facts.kernel, facts.system, facts.architecture);
  return out + fmt::format("CPUs: {}\nTotal Memory: {}\nName: {}\n", facts.processors,
                           binary_size(static_cast<double>(facts.memory_bytes)), facts.host_name);
}

Value record_of(const Facts& facts) {
  auto number = [](size_t value) { return Value::integer(static_cast<int64_t>(value)); };
  return Struct::make(
      "system.info",
      {{"Containers", "", number(facts.containers)},
       {"ContainersRunning", "", number(facts.running)},
       {"ContainersStopped", "", number(facts.containers - facts.running)},
       {"Images", "", number(facts.images)},
       {"Layers", "", number(facts.layers)},
       {"References", "", number(facts.references)},
       {"Driver", "", Value::string(facts.driver)},
       {"KernelVersion", "", Value::string(facts.kernel)},
       {"OperatingSystem", "", Value::string(facts.system)},
       {"OSType", "", Value::string("linux")},
       {"Architecture", "", Value::string(facts.architecture)},
       {"NCPU", "", number(facts.processors)},
       {"MemTotal", "", Value::integer(static_cast<int64_t>(facts.memory_bytes), "int64")},
       {"DockerRootDir", "", Value::string(facts.root)},
       {"Name", "", Value::string(facts.host_name)},
       {"ServerVersion", "", Value::string(STRATA_VERSION)}});
}

class Info final : public Command {
 public:
  void declare(Options& options) override {
    options.text('f', "format", "string", "Format the output using the given Go template, or json",
                 format_);
  }

  Result<int> run(Context& context, const std::vector<std::string>&) override {
    Facts facts;
    STRATA_CHECK(read_store(context, facts));
    read_system(facts);
    if (format_.empty()) {
      context.out().print(text_of(facts));
      return 0;
    }
    return context.print(format_value(format_, record_of(facts)));
  }

 private:
  std::string format_;
};

}  // namespace

std::unique_ptr<Command> make_info() { return std::make_unique<Info>(); }

}  // namespace strata::cli
