// The initiator's end of a connection, for tests: makes PDUs, cuts the stream where it likes, reads answers.
#pragma once

#include "iscsi/testing/scripted_host.h"

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace targe::iscsi::testing {

struct Pdu {
    Header header{};
    std::vector<std::byte> data = {};
    std::vector<std::byte> additional = {};

    [[nodiscard]] HeaderView view() const { return HeaderView{header}; }
    template <wire::Field F>
    [[nodiscard]] auto get() const {
        return wire::get<F>(view());
    }
    template <wire::Field F>
    Pdu& put(std::uint64_t value) {
        wire::put<F>(HeaderSpan{header}, static_cast<wire::UintFor<F.width>>(value));
        return *this;
    }
    [[nodiscard]] Opcode opcode() const { return opcode_of(view()); }
};

[[nodiscard]] std::vector<std::byte> bytes_of(std::string_view text);
[[nodiscard]] std::string text_of(const std::vector<std::byte>& bytes);
[[nodiscard]] std::vector<std::byte> some_data(std::size_t size, std::uint32_t seed = 1);

enum class Move : std::uint8_t { none, read, write, both };

/// Owns the host, the directory and the connection. A request that is sent is answered as far as it can be
/// before the call returns; the answers wait in `answers`.
class Peer {
public:
    explicit Peer(std::uint32_t seed = 1, const ConnectionOptions& options = {});
    ~Peer();

    /// Logs in with these keys, each ended by ';', beside the names. True when full feature is reached.
    bool log_in(std::string_view keys = "");
    bool log_in_to_discover();

    // Requests, numbered as they should be.
    [[nodiscard]] Pdu request(Opcode opcode);
    [[nodiscard]] Pdu command(std::uint32_t tag, Move move, std::uint32_t length);
    [[nodiscard]] Pdu data_out(std::uint32_t tag, std::uint32_t transfer, std::uint32_t data_sn,
                               std::uint32_t offset, std::vector<std::byte> data, bool final);
    [[nodiscard]] Pdu management(TaskFunction function, std::uint32_t referenced = kReservedTag);

    void send(Pdu pdu);
    /// As the wire has it, digests included.
    [[nodiscard]] std::vector<std::byte> encode(Pdu pdu) const;
    void send_bytes(wire::Bytes bytes);
    /// Takes what the connection has to send. Fails the test when it cannot be read.
    void pump();
    /// The next answer, taken out; an empty PDU with opcode 3fh and reason 0 when there is none.
    Pdu next();

    void lose();

    std::mt19937 random;
    TestDirectory directory;
    TestRandom entropy;
    ScriptedHost host;
    base::Time now{};
    Connection connection;

    bool header_digest = false;
    bool data_digest = false;
    std::size_t max_chunk = ~std::size_t{0};  ///< of what is received and sent at a time, at random
    std::size_t max_segments = 64;            ///< of one gather
    std::uint32_t cmd_sn = 1;
    std::deque<Pdu> answers;
    std::vector<std::byte> raw;  ///< all that the connection ever sent
    bool keep_raw = false;
    bool auto_pump = true;
    bool parse = true;
    bool broken = false;                       ///< what it sent could not be read
    std::vector<std::byte>* record = nullptr;  ///< gets all that is sent to the connection

private:
    std::size_t take_gathered(base::ConstSegments out, std::size_t limit);
    void take_piped(const base::Piped& piped, std::size_t limit);
    bool take_one();
    std::map<int, std::size_t> piped_;  ///< what was taken from each pipe
    std::vector<std::byte> stream_;
    bool lost_ = false;
};

}  // namespace targe::iscsi::testing
