#include "admin/command_line.h"
#include "cli/vtl.h"

#include <CLI/CLI.hpp>

namespace targe::cli {
namespace {

/// One command of the group: its verb, and the library's folder first.
class Commands {
public:
    Commands(CLI::App& group, VtlArguments& arguments, std::optional<VtlArguments>& chosen)
        : group_(group), arguments_(arguments), chosen_(chosen) {}

    CLI::App& add(const char* name, VtlVerb verb, const char* help) {
        CLI::App& made = *group_.add_subcommand(name, help);
        made.add_option("LIBRARY", arguments_.library, "The folder of the library")->required();
        made.callback([typed = &arguments_, chosen = &chosen_, verb] {
            *chosen = *typed;
            (*chosen)->verb = verb;
        });
        return made;
    }

private:
    CLI::App& group_;
    VtlArguments& arguments_;
    std::optional<VtlArguments>& chosen_;
};

void add_create(Commands& commands, VtlArguments& to) {
    CLI::App& create = commands.add("create", VtlVerb::create, "Make a library in a new folder");
    create.add_option("--generation", to.generation, "Of its drives: LTO-5 to LTO-9 (default: LTO-6)");
    create.add_option("--drives", to.drives, "How many drives")
        ->check(admin::whole_number(1, 32))
        ->capture_default_str();
    create.add_option("--slots", to.slots, "How many storage elements")
        ->check(admin::whole_number(1, 10'000))
        ->capture_default_str();
    create.add_option("--ports", to.ports, "How many import/export elements")
        ->check(admin::whole_number(0, 128))
        ->capture_default_str();
    create.add_option("--serial", to.serial,
                      "What serial numbers begin with: 6 characters (default: by lot)");
    create.add_option("--vendor", to.vendor, "Vendor that the drives tell (default: IBM)");
    create.add_option("--product", to.product, "Product that the drives tell (default: ULT3580-TDn)");
    create.add_option("--revision", to.revision, "Revision that the drives tell (default: 0100)");
}

void add_cartridge_commands(Commands& commands, VtlArguments& to) {
    CLI::App& add = commands.add("add", VtlVerb::add, "Make a cartridge");
    add.add_option("BARCODE", to.barcode, "Its label: A to Z, 0 to 9, _ and -, 32 at most")->required();
    add.add_option("--generation", to.generation,
                   "LTO-5 to LTO-9 (default: what the label ends in, L5 to L9)");
    add.add_option("--capacity", to.capacity,
                   "Bytes that it stores, such as 10GiB (default: the generation's)");
    add.add_flag("--worm", to.worm, "Nothing on it can be overwritten");
    add.add_option("--at", to.element, "slot:N or port:N (default: the first empty slot)");
    CLI::App& remove = commands.add("remove", VtlVerb::remove, "Destroy a cartridge");
    remove.add_option("BARCODE", to.barcode, "Its label")->required();
    remove.add_flag("--destroy-data", to.destroy_data, "Yes, what is on it too");
    CLI::App& move = commands.add("move", VtlVerb::move, "Move a cartridge, as an operator does");
    move.add_option("BARCODE", to.barcode, "Its label")->required();
    move.add_option("ELEMENT", to.element, "slot:N, port:N or drive:N, as 'targe vtl list' has them")
        ->required();
    CLI::App& protect =
        commands.add("protect", VtlVerb::protect, "Move the write-protect tab of a cartridge");
    protect.add_option("BARCODE", to.barcode, "Its label")->required();
    protect.add_option("STATE", to.state, "on or off")->check(CLI::IsMember({"on", "off"}))->required();
    CLI::App& out =
        commands.add("export", VtlVerb::export_tape, "Write a cartridge as a tar archive of its blocks");
    out.add_option("BARCODE", to.barcode, "Its label")->required();
    out.add_option("FILE", to.file, "The archive, which must not be there yet")->required();
    CLI::App& in = commands.add("import", VtlVerb::import_tape, "Make a cartridge of such an archive");
    in.add_option("FILE", to.file, "The archive")->required();
    in.add_option("--barcode", to.barcode, "Another label than the archive has");
    in.add_option("--at", to.element, "slot:N or port:N (default: the first empty slot)");
}

}  // namespace

void add_vtl_commands(CLI::App& group, VtlArguments& arguments, std::optional<VtlArguments>& chosen) {
    group.require_subcommand(1);
    Commands commands(group, arguments, chosen);
    add_create(commands, arguments);
    CLI::App& config =
        commands.add("config", VtlVerb::config, "Print what targe.toml needs for targe-vtl to serve it");
    config.add_option("--name", arguments.name, "What its devices are called (default: the folder's name)");
    commands.add("list", VtlVerb::list, "Show what is in which element");
    add_cartridge_commands(commands, arguments);
}

}  // namespace targe::cli
