// One command on its way through a device server of the library, and the table that it is looked up in.
#pragma once

#include "scsi/cdb.h"
#include "scsi/parameter_writer.h"
#include "vtl/sense.h"
#include "wire/field.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace targe::vtl {

/// What comes from targed. The spans are the caller's and stay until the reply is used.
struct Command {
    wire::Bytes cdb;
    wire::Bytes data_out = {};          ///< may be less than the CDB asks for
    std::span<std::byte> data_in = {};  ///< room; the CDB may ask for more
    std::uint64_t session = 1;          ///< which I_T nexus
    std::uint64_t now_ms = 0;           ///< since 1970
    /// Whether it is to end soon: nobody waits for it, or its time is nearly over. May be empty.
    std::function<bool()> overdue = {};
    bool operator==(const Command&) const = delete;
};

/// A unit attention that a device server asks for.
struct Attention {
    enum class To : std::uint8_t { everybody, others };  ///< others: not the nexus of the command
    To to;
    scsi::Asc asc;
    bool operator==(const Attention&) const = default;
};

struct Reply {
    std::optional<Sense> sense = {};  ///< nothing: GOOD
    std::size_t data_in_length = 0;   ///< bytes of data_in that are filled, also with CHECK CONDITION
    std::uint64_t wanted = 0;         ///< bytes that would have moved, were there room; makes the residual
    std::vector<Attention> attentions = {};
    std::string trouble = {};  ///< for the log: what the host did to us
};

/// A command and its reply in the making, as handlers see them.
class Call {
public:
    Call(const Command& command, Reply& reply) : in_(command), out_(reply) {}

    [[nodiscard]] const Command& in() const { return in_; }
    [[nodiscard]] Reply& out() { return out_; }
    [[nodiscard]] std::uint64_t get(wire::Field field) const { return scsi::field_value(in_.cdb, field); }
    [[nodiscard]] bool flag(wire::Field field) const { return get(field) != 0; }
    /// A signed field that is shorter than 64 bits.
    [[nodiscard]] std::int64_t get_signed(wire::Field field) const {
        const unsigned unused = 64U - field.width;
        return static_cast<std::int64_t>(get(field) << unused) >> unused;
    }
    /// Parameter data that `write` writes, cut at the allocation length.
    void reply(std::uint64_t allocation_length, const std::function<void(scsi::ParameterWriter&)>& write) {
        const auto room =
            static_cast<std::size_t>(std::min<std::uint64_t>(allocation_length, in_.data_in.size()));
        scsi::ParameterWriter out(in_.data_in.first(room));
        write(out);
        out_.data_in_length = out.written().size();
        out_.wanted = std::min<std::uint64_t>(allocation_length, out.size());
    }
    /// The parameter list of exactly `length` bytes, or nothing when the initiator sent less.
    [[nodiscard]] std::optional<wire::Bytes> parameter_list(std::uint64_t length) {
        out_.wanted = length;
        return in_.data_out.size() < length
                   ? std::nullopt
                   : std::optional(in_.data_out.first(static_cast<std::size_t>(length)));
    }
    void attention(Attention::To to, scsi::Asc asc) { out_.attentions.push_back({to, asc}); }

private:
    const Command& in_;
    Reply& out_;
};

/// What a table knows of a command before its handler runs.
struct CommandShape {
    std::uint8_t opcode = 0;
    std::optional<std::uint8_t> service_action = {};
    std::string_view name = {};             ///< as in the standard
    std::span<const std::byte> usage = {};  ///< bits that are looked at; as long as the CDB
};

/// Of each row of a table.
[[nodiscard]] std::vector<CommandShape> shapes_of(const auto& rows) {
    std::vector<CommandShape> shapes;
    for (const auto& row : rows) {
        shapes.push_back(row.shape);
    }
    return shapes;
}

/// Changers are addressed in the old way: byte 1 has the LUN, which is ignored.
enum class LunBits : std::uint8_t { refused, ignored };

/// Finds the row of a CDB and checks that no bit is set that it does not define: INVALID COMMAND OPERATION
/// CODE or INVALID FIELD IN CDB. The result is an index into `rows`.
struct Found {
    std::size_t row = 0;
    std::optional<Sense> refused = {};
};
[[nodiscard]] Found find_command(std::span<const CommandShape> rows, wire::Bytes cdb, LunBits lun);

/// REPORT SUPPORTED OPERATION CODES from the same table, [SPC-4 r37 6.35].
[[nodiscard]] std::optional<Sense> report_operation_codes(std::span<const CommandShape> rows, Call& call);

/// SEND DIAGNOSTIC, whose self-test finds no fault: there is no hardware that could have one.
[[nodiscard]] std::optional<Sense> send_diagnostic(const Call& call);

/// PREVENT ALLOW MEDIUM REMOVAL. `preventing` are the sessions that prevent it.
[[nodiscard]] std::optional<Sense> prevent_allow(const Call& call, std::set<std::uint64_t>& preventing);

}  // namespace targe::vtl
