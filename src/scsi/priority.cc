#include "scsi/priority.h"

#include "scsi/cdb.h"

#include <algorithm>
#include <utility>

namespace targe::scsi {
namespace {

/// The parameter list of SET PRIORITY, and a descriptor of REPORT PRIORITY.
struct PriorityDescriptor {
    static constexpr std::size_t kSize = 8;
    static constexpr wire::Field kPriority = wire::bits(0, 3, 0);
    static constexpr wire::Field kTargetPort = wire::bytes(2, 3);
    static constexpr wire::Field kAdditionalLength = wire::bytes(6, 7);
};

enum class Reported : std::uint8_t { asker = 0b00, every_one_that_was_set = 0b01 };
enum class ToSet : std::uint8_t { asker = 0b00, named = 0b01, every_one_to_the_initial = 0b10 };

void write_descriptor(const NexusPriority& entry, ParameterWriter& out) {
    out.u8(entry.priority);
    out.u8(0);
    out.u16(entry.nexus.target_port);
    out.u16(0);
    out.u16(static_cast<std::uint16_t>(transport_id_size(entry.nexus.initiator)));
    write_transport_id(entry.nexus.initiator, out);
}

Sense wrong_length() {
    return illegal_request(Asc::parameter_list_length_error);
}

/// The nexus that `list` names: one initiator port through one target port.
std::expected<ItNexus, Sense> named_nexus(wire::Bytes list) {
    using L = PriorityDescriptor;
    if (list.size() < L::kSize) {
        return std::unexpected(wrong_length());
    }
    const auto length = field_value(list, L::kAdditionalLength);
    if (list.size() - L::kSize < length) {
        return std::unexpected(wrong_length());
    }
    const auto found = read_transport_id(list.subspan(L::kSize, static_cast<std::size_t>(length)));
    if (!found) {
        return std::unexpected(invalid_parameter(L::kSize + found.error()));
    }
    const auto port = static_cast<std::uint16_t>(field_value(list, L::kTargetPort));
    if (port == 0) {
        return std::unexpected(invalid_parameter(L::kTargetPort.byte));
    }
    if (!found->id.isid) {
        return std::unexpected(invalid_parameter(L::kSize));  // it names every port of a node
    }
    return ItNexus{.target_port = port, .initiator = {.isid = *found->id.isid, .name = found->id.name}};
}

std::expected<PrioritiesSet, Sense> with(PrioritiesSet set, const ItNexus& nexus, std::uint8_t priority) {
    if (!set.priorities.set(nexus, priority)) {
        return std::unexpected(illegal_request(Asc::insufficient_resources));
    }
    return set;
}

}  // namespace

std::uint8_t NexusPriorities::of(const ItNexus& nexus) const {
    const auto at = std::ranges::lower_bound(all_, nexus, {}, &NexusPriority::nexus);
    return at != all_.end() && at->nexus == nexus ? at->priority : std::uint8_t{0};
}

bool NexusPriorities::set(const ItNexus& nexus, std::uint8_t priority) {
    const auto at = std::ranges::lower_bound(all_, nexus, {}, &NexusPriority::nexus);
    const bool known = at != all_.end() && at->nexus == nexus;
    if (priority == 0) {
        if (known) {
            all_.erase(at);
        }
        return true;
    }
    if (known) {
        at->priority = priority;
        return true;
    }
    if (all_.size() == kMost) {
        return false;
    }
    all_.insert(at, {nexus, priority});
    return true;
}

std::optional<Sense> report_priority(std::span<const std::byte, ReportPriorityCdb::kSize> cdb,
                                     const ItNexus& asker, const NexusPriorities& priorities,
                                     ParameterWriter& out) {
    using L = ReportPriorityCdb;
    const auto reported = static_cast<Reported>(wire::get<L::kPriorityReported>(cdb));
    if (reported > Reported::every_one_that_was_set) {
        return invalid_field(L::kPriorityReported);
    }
    const std::size_t begin = out.size();
    out.u32(0);
    if (reported == Reported::asker) {
        write_descriptor({asker, priorities.of(asker)}, out);
    } else {
        for (const NexusPriority& entry : priorities.all()) {
            write_descriptor(entry, out);
        }
    }
    out.patch(begin, static_cast<std::uint32_t>(out.size() - begin - sizeof(std::uint32_t)));
    return std::nullopt;
}

std::expected<PrioritiesSet, Sense> set_priority(std::span<const std::byte, SetPriorityCdb::kSize> cdb,
                                                 wire::Bytes list, const ItNexus& asker,
                                                 const NexusPriorities& current) {
    using L = SetPriorityCdb;
    const auto priority_of = [&] {
        return static_cast<std::uint8_t>(field_value(list, PriorityDescriptor::kPriority));
    };
    switch (static_cast<ToSet>(wire::get<L::kNexusToSet>(cdb))) {
        case ToSet::asker:
            if (list.empty()) {
                return std::unexpected(wrong_length());
            }
            return with({.priorities = current}, asker, priority_of());
        case ToSet::named: {
            const auto nexus = named_nexus(list);
            if (!nexus) {
                return std::unexpected(nexus.error());
            }
            return with({.priorities = current, .told = PrioritiesSet::Told::named, .named = *nexus}, *nexus,
                        priority_of());
        }
        case ToSet::every_one_to_the_initial:
            return PrioritiesSet{.priorities = {}, .told = PrioritiesSet::Told::every_other};
    }
    return std::unexpected(invalid_field(L::kNexusToSet));
}

}  // namespace targe::scsi
