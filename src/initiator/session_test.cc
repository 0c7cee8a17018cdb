#include "initiator/session.h"

#include "initiator/failure.h"
#include "wire/crc32c.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>
#include <numeric>

namespace targe::initiator {
namespace {

using testing::HasSubstr;

using Bytes = std::vector<std::byte>;

std::array<Socket, 2> tcp_pair() {
    const Socket listener(::socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    put(std::as_writable_bytes(std::span(&address.sin_addr.s_addr, 1)), 0, 4, INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(listener.get(), 1), 0);
    EXPECT_EQ(::getsockname(listener.get(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    std::array<Socket, 2> both;
    const auto port = std::as_bytes(std::span(&address.sin_port, 1));
    both[0] = connect_to("127.0.0.1", static_cast<std::uint16_t>(get8(port, 0) << 8U | get8(port, 1)),
                         std::chrono::seconds{10});
    both[1] = Socket(::accept(listener.get(), nullptr, nullptr));
    return both;
}

struct Pdu {
    Header header;
    Bytes data;
    [[nodiscard]] unsigned opcode() const { return get8(header, 0) & 0x3FU; }
    [[nodiscard]] bool final() const { return (get8(header, 1) & 0x80U) != 0; }
};

/// A session of four tags, and a target that says what the test tells it to.
class SessionTest : public testing::Test {
protected:
    void log_in(const Agreed& agreed = {.max_cmd_sn = 100}) {
        sockets_ = tcp_pair();
        session = std::make_unique<Session>(std::move(sockets_[0]), agreed, 300, 4);
    }

    /// The next PDU of the session, without digests.
    Pdu sent() {
        session->flush();
        Pdu pdu;
        receive_all(sockets_[1], pdu.header, std::chrono::seconds{10});
        pdu.data.resize(data_length(pdu.header));
        receive_all(sockets_[1], pdu.data, std::chrono::seconds{10});
        return pdu;
    }

    static Header of(Opcode opcode, std::uint32_t tag) {
        Header header{};
        put(header, 0, 1, opcode);
        put(header, 1, 1, 0x80);
        put(header, 16, 4, tag);
        put(header, 20, 4, kNoTag);
        put(header, 24, 4, 7);
        put(header, 32, 4, 100);
        return header;
    }

    static Header data_in(std::uint32_t tag, std::size_t offset, std::size_t size, bool last) {
        Header header = of(kDataIn, tag);
        put(header, 1, 1, last ? 0x81 : 0x00);
        put(header, 40, 4, offset);
        put(header, 5, 3, size);
        return header;
    }

    void say(std::span<const std::byte> bytes) { send_all(sockets_[1], bytes, std::chrono::seconds{10}); }

    std::vector<Completion> heard(std::size_t wanted) {
        std::vector<Completion> ended;
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{10};
        while (ended.size() < wanted && std::chrono::steady_clock::now() < end) {
            if (!session->receive(ended)) {
                session->wait();
            }
        }
        return ended;
    }

    std::string failure() {
        try {
            static_cast<void>(heard(1));
        } catch (const Failure& failed) {
            return failed.what();
        }
        return "nothing failed";
    }

    std::unique_ptr<Session> session;
    std::array<Socket, 2> sockets_;
};

Bytes pattern(std::size_t size) {
    Bytes data(size);
    for (std::size_t i = 0; i < size; ++i) {
        data[i] = static_cast<std::byte>(i * 7 % 251);
    }
    return data;
}

// What leaves before an R2T, for every way to agree; and after one, cut by what the target takes at once.
TEST_F(SessionTest, SendsDataAsWasAgreed) {
    const Bytes data = pattern(20'000);
    for (const bool immediate : {false, true}) {
        for (const bool initial_r2t : {false, true}) {
            for (const std::size_t burst : {4096U, 65536U}) {
                log_in({.max_send_segment = 4096,
                        .first_burst = burst,
                        .immediate_data = immediate,
                        .initial_r2t = initial_r2t,
                        .max_cmd_sn = 100});
                session->write(2, 5, 40, data);
                const std::size_t unasked =
                    initial_r2t ? (immediate ? 4096 : 0) : std::min(burst, data.size());
                Pdu pdu = sent();
                EXPECT_EQ(pdu.opcode(), kCommand);
                EXPECT_EQ(get32(pdu.header, 20), data.size());
                EXPECT_EQ(get8(pdu.header, 8) << 8U | get8(pdu.header, 9), 0x412C);
                EXPECT_EQ(pdu.data.size(), immediate ? 4096U : 0U);
                Bytes came = pdu.data;
                EXPECT_EQ(pdu.final(), came.size() == unasked);
                while (came.size() < unasked) {
                    pdu = sent();
                    EXPECT_EQ(pdu.opcode(), kDataOut);
                    EXPECT_EQ(get32(pdu.header, 20), kNoTag);
                    EXPECT_EQ(get32(pdu.header, 40), came.size());
                    came.insert(came.end(), pdu.data.begin(), pdu.data.end());
                    EXPECT_EQ(pdu.final(), came.size() == unasked);
                }
                if (came.size() < data.size()) {
                    Header r2t = of(kReadyToTransfer, 2);
                    put(r2t, 20, 4, 77);
                    put(r2t, 40, 4, came.size());
                    put(r2t, 44, 4, data.size() - came.size());
                    say(r2t);
                    std::vector<Completion> none;
                    while (!session->receive(none)) {
                        session->wait();
                    }
                    for (std::uint32_t data_sn = 0; came.size() < data.size(); ++data_sn) {
                        pdu = sent();
                        EXPECT_EQ(get32(pdu.header, 20), 77U);
                        EXPECT_EQ(get32(pdu.header, 36), data_sn);
                        EXPECT_LE(pdu.data.size(), 4096U);
                        came.insert(came.end(), pdu.data.begin(), pdu.data.end());
                    }
                    EXPECT_TRUE(pdu.final());
                }
                EXPECT_EQ(came, data);
                say(of(kResponse, 2));
                const auto ended = heard(1);
                ASSERT_EQ(ended.size(), 1U);
                EXPECT_TRUE(ended[0].good);
            }
        }
    }
}

TEST_F(SessionTest, TakesDataIntoPlaceOrDropsThem) {
    const Bytes data = pattern(200'000);
    for (const bool wanted : {true, false}) {
        log_in();
        Bytes into(data.size());
        for (const std::uint32_t tag : {0U, 1U, 2U}) {
            session->read(tag, 0, 1, data.size(), wanted ? into.data() : nullptr);
            session->flush();
            const std::size_t half = 100'000;
            Bytes wire;
            for (const auto& header :
                 {data_in(tag, 0, half, false), data_in(tag, half, data.size() - half, true)}) {
                wire.insert(wire.end(), header.begin(), header.end());
                const auto from = data.begin() + get32(header, 40);
                wire.insert(wire.end(), from, from + static_cast<std::ptrdiff_t>(data_length(header)));
            }
            say(wire);
            const auto ended = heard(1);
            ASSERT_EQ(ended.size(), 1U);
            EXPECT_EQ(ended[0].tag, tag);
            EXPECT_TRUE(ended[0].good);
        }
        EXPECT_TRUE(!wanted || into == data);
    }
}

TEST_F(SessionTest, KeepsTheFirstBadEnding) {
    log_in();
    for (const std::uint32_t tag : {0U, 1U, 2U}) {
        session->read(tag, 0, 1, 512, nullptr);
    }
    Header bad = of(kResponse, 1);
    put(bad, 3, 1, 2);
    put(bad, 5, 3, 6);
    const Bytes sense = {
        std::byte{0}, std::byte{4}, std::byte{0x72}, std::byte{5}, std::byte{0x21}, {}, {}, {}};
    say(bad);
    say(sense);
    Header busy = of(kResponse, 0);
    put(busy, 3, 1, 8);
    say(busy);
    auto ended = heard(2);
    ASSERT_EQ(ended.size(), 2U);
    EXPECT_FALSE(ended[0].good || ended[1].good);
    const Ending ending = session->take_ending();
    EXPECT_EQ(ending.status, 2);
    EXPECT_EQ(ending.sense, Bytes(sense.begin() + 2, sense.begin() + 6));
    EXPECT_FALSE(session->take_ending().bad);
    say(of(kResponse, 2));  // GOOD, and no data at all
    EXPECT_FALSE(heard(1).at(0).good);
    EXPECT_TRUE(session->take_ending().bad);
}

TEST_F(SessionTest, AnswersAPing) {
    log_in();
    Header ping = of(kNopIn, kNoTag);
    put(ping, 8, 8, 0x0102030405060708);
    put(ping, 20, 4, 9);
    say(ping);
    say(of(kNopIn, kNoTag));  // wants no answer
    std::vector<Completion> none;
    while (!session->receive(none)) {
        session->wait();
    }
    const Pdu pong = sent();
    EXPECT_EQ(get8(pong.header, 0), kNopOut | 0x40U);
    EXPECT_EQ(get32(pong.header, 20), 9U);
    EXPECT_EQ(get64(pong.header.data(), 8), 0x0102030405060708U);
}

TEST_F(SessionTest, TakesAClosedConnectionForAGoodBye) {
    log_in();
    sockets_[1] = Socket();
    session->log_out();
    log_in();
    say(of(kLogoutResponse, 0));
    session->log_out();
    EXPECT_EQ(sent().opcode(), kLogout);
}

TEST_F(SessionTest, ChecksDigests) {
    log_in({.header_digest = true, .data_digest = true, .max_cmd_sn = 100});
    session->read(0, 0, 1, 4, nullptr);
    session->read(1, 0, 1, 4, nullptr);
    for (const std::uint32_t tag : {0U, 1U}) {
        const Header header = data_in(tag, 0, 4, true);
        Bytes wire(header.begin(), header.end());
        const auto add_digest = [&wire](std::uint32_t crc) {
            for (int i = 0; i < 4; ++i, crc >>= 8U) {
                wire.push_back(static_cast<std::byte>(crc & 0xFFU));
            }
        };
        add_digest(wire::crc32c(0, header));
        const Bytes data = pattern(4);
        wire.insert(wire.end(), data.begin(), data.end());
        add_digest(wire::crc32c(0, data) ^ tag);  // the second is wrong
        say(wire);
        if (tag == 0) {
            EXPECT_TRUE(heard(1).at(0).good);
        }
    }
    EXPECT_THAT(failure(), HasSubstr("wrong data digest"));
}

TEST_F(SessionTest, BelievesNothing) {
    const auto says = [this](const Header& header) {
        log_in();
        session->read(0, 0, 1, 512, nullptr);
        session->write(1, 0, 1, {});
        say(header);
        say(Bytes(padded(data_length(header))));
        return failure();
    };
    EXPECT_THAT(says(of(kResponse, 3)), HasSubstr("not in flight"));
    EXPECT_THAT(says(of(kResponse, 4)), HasSubstr("not in flight"));
    EXPECT_THAT(says(data_in(kNoTag, 0, 512, true)), HasSubstr("not in flight"));
    EXPECT_THAT(says(data_in(0, 0, 516, true)), HasSubstr("more than was asked for"));
    EXPECT_THAT(says(data_in(0, 4, 508, true)), HasSubstr("out of order"));
    EXPECT_THAT(says(data_in(1, 0, 4, true)), HasSubstr("more than was asked for"));
    EXPECT_THAT(says(of(kReadyToTransfer, 0)), HasSubstr("beyond the command's"));
    Header wrap = of(kReadyToTransfer, 1);
    put(wrap, 40, 4, 0xFFFF'FFFF);
    put(wrap, 44, 4, 2);
    EXPECT_THAT(says(wrap), HasSubstr("beyond the command's"));
    Header large = of(kNopIn, kNoTag);
    put(large, 5, 3, kMaxReceiveSegment + 4);
    EXPECT_THAT(says(large), HasSubstr("longer than was agreed"));
    EXPECT_THAT(says(of(kReject, kNoTag)), HasSubstr("rejects"));
    EXPECT_THAT(says(of(kLoginResponse, 0)), HasSubstr("opcode 35"));
    Header shutdown = of(kAsyncMessage, kNoTag);
    put(shutdown, 36, 1, 1);
    EXPECT_THAT(says(shutdown), HasSubstr("ends the session"));
    log_in();
    sockets_[1] = Socket();
    EXPECT_THAT(failure(), HasSubstr("closed the connection"));
}

}  // namespace
}  // namespace targe::initiator
