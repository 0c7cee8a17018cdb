// A targed for tests of libtarge, which does nothing but what the test says.
#pragma once

#include "libtarge/internal.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

namespace targe::testing {

/// A folder for sockets, gone at the end.
class SocketFolder {
public:
    SocketFolder() { EXPECT_NE(::mkdtemp(path_.data()), nullptr); }
    SocketFolder(const SocketFolder&) = delete;
    SocketFolder& operator=(const SocketFolder&) = delete;
    ~SocketFolder() { std::filesystem::remove_all(path_); }
    [[nodiscard]] std::string socket() const { return path_ + "/handler.sock"; }

private:
    std::string path_ = (std::filesystem::temp_directory_path() / "targe-XXXXXX").string();
};

/// Lets one handler in, by memory with one queue or more, of one slot each: the first unless it is said.
class FakeTarged {
public:
    explicit FakeTarged(const SocketFolder& folder, std::uint32_t queues = 1)
        : path_(folder.socket()), queues_(queues) {
        const sockaddr_un where = address();
        ::unlink(path_.c_str());
        EXPECT_EQ(::bind(listener_, reinterpret_cast<const sockaddr*>(&where), sizeof where), 0);
        EXPECT_EQ(::listen(listener_, 1), 0);
        EXPECT_EQ(::ftruncate(memory_, static_cast<off_t>(region_bytes())), 0);
        region_ = ::mmap(nullptr, region_bytes(), PROT_READ | PROT_WRITE, MAP_SHARED, memory_, 0);
        EXPECT_NE(region_, MAP_FAILED);
    }
    FakeTarged(const FakeTarged&) = delete;
    FakeTarged& operator=(const FakeTarged&) = delete;
    ~FakeTarged() {
        ::munmap(region_, region_bytes());
        for (const int each : {listener_, connection_, memory_, handler_event_, queue_event_}) {
            ::close(each);
        }
    }

    [[nodiscard]] sockaddr_un address() const {
        sockaddr_un where{};
        where.sun_family = AF_UNIX;
        path_.copy(where.sun_path, sizeof where.sun_path - 1);
        return where;
    }

    /// A disk, of which only reads are known.
    [[nodiscard]] static targe_block_ops reading(int (*read)(void*, targe_io*)) {
        targe_block_ops ops{};
        ops.struct_size = sizeof ops;
        ops.read = read;
        return ops;
    }
    [[nodiscard]] targe_attachment attachment(const targe_block_ops& ops) const {
        targe_attachment how{};
        how.struct_size = sizeof how;
        how.level = TARGE_BLOCKS;
        how.socket = path_.c_str();
        how.block_ops = &ops;
        return how;
    }
    /// Attached, and welcome to one that knows what `does` says.
    [[nodiscard]] targe_device* attach(const targe_attachment& how, std::uint32_t does = 0) {
        std::thread welcoming([this, does] { welcome(does); });
        targe_device* const made = targe_attach(&how, 0, nullptr, 0);
        welcoming.join();
        return made;
    }
    [[nodiscard]] targe_device* attach() {
        const targe_block_ops ops = reading([](void*, targe_io*) { return -EIO; });
        return attach(attachment(ops));
    }

    /// The hello of the one that comes, and what is behind it.
    targe_hello await_hello() {
        ::close(connection_);
        connection_ = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        targe_hello hello{};
        rules_.resize(TARGE_MAX_RULES + 1);
        const iovec parts[]{{&hello, sizeof hello}, {rules_.data(), rules_.size() * sizeof rules_[0]}};
        const ssize_t got = ::readv(connection_, parts, 2);
        EXPECT_GE(got, ssize_t{sizeof hello});
        rules_.resize((static_cast<std::size_t>(got) - sizeof hello) / sizeof rules_[0]);
        return hello;
    }
    [[nodiscard]] const std::vector<targe_rule>& rules() const { return rules_; }
    [[nodiscard]] targe_welcome good_welcome() const {
        targe_welcome welcome{};
        welcome.magic = TARGE_MAGIC;
        welcome.protocol = TARGE_PROTOCOL;
        welcome.queues = static_cast<std::uint32_t>(queues_.size());
        welcome.slots = 1;
        welcome.block_size = 512;
        welcome.size = 1U << 20U;
        welcome.arena_bytes = kArena;
        welcome.region_bytes = region_bytes();
        return welcome;
    }
    [[nodiscard]] std::vector<int> descriptors() const {
        std::vector<int> all(queues_.size(), queue_event_);
        all.insert(all.begin(), {memory_, handler_event_});
        return all;
    }
    void answer(const targe_welcome& welcome, const std::vector<int>& descriptors,
                std::size_t size = sizeof(targe_welcome)) const {
        targe_welcome sent = welcome;
        std::vector<char> control(CMSG_SPACE(descriptors.size() * sizeof(int)));
        iovec part{.iov_base = &sent, .iov_len = size};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        if (!descriptors.empty()) {
            message.msg_control = control.data();
            message.msg_controllen = control.size();
            cmsghdr* const rights = CMSG_FIRSTHDR(&message);
            rights->cmsg_level = SOL_SOCKET;
            rights->cmsg_type = SCM_RIGHTS;
            rights->cmsg_len = CMSG_LEN(descriptors.size() * sizeof(int));
            std::memcpy(CMSG_DATA(rights), descriptors.data(), descriptors.size() * sizeof(int));
        }
        EXPECT_EQ(::sendmsg(connection_, &message, MSG_NOSIGNAL), static_cast<ssize_t>(size));
    }
    void welcome(std::uint32_t does = 0) {
        await_hello();
        targe_welcome welcome = good_welcome();
        welcome.does = does;
        answer(welcome, descriptors());
    }
    /// As one that ends with whoever waits for it.
    void turn_away() const { ::close(::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC)); }
    void refuse(int error) {
        await_hello();
        targe_welcome refusal{};
        refusal.magic = TARGE_MAGIC;
        refusal.protocol = TARGE_PROTOCOL;
        refusal.error = error;
        answer(refusal, {});
    }

    /// Asks the handler for a read of one block.
    void offer_read() { offer(TARGE_OP_READ, 512); }
    /// Asks it how long the extent is that begins at the first of two blocks.
    void offer_block_status() { offer(TARGE_OP_BLOCK_STATUS, 1024); }
    void offer_command() { offer(TARGE_OP_EXECUTE, 0); }
    [[nodiscard]] std::uint32_t completed() const { return completed(0); }
    /// The first that there is.
    [[nodiscard]] targe_completion completion() const { return queue(0).completions[0]; }
    /// The only one, to be filled in before it is offered.
    [[nodiscard]] targe_slot& slot(std::uint32_t number = 0) const { return queue(number).slots[0]; }
    [[nodiscard]] std::byte* arena() const { return &region()[queues_.size() * TARGE_QUEUE_STRIDE]; }
    void offer_quietly(std::uint32_t number = 0) {
        queue(number).offered_slots[queues_[number].offered % TARGE_MAX_SLOTS] = 0;
        __atomic_store_n(&queue(number).offered, ++queues_[number].offered, __ATOMIC_SEQ_CST);
    }
    /// Offers the slot as it is, and wakes the handler.
    void offer(std::uint32_t number = 0) {
        offer_quietly(number);
        EXPECT_EQ(::eventfd_write(handler_event_, 1), 0);
    }
    /// The next completion; waits for it.
    targe_completion take(std::uint32_t number = 0) {
        while (completed(number) == queues_[number].taken) {
            std::this_thread::sleep_for(std::chrono::milliseconds{1});
        }
        return queue(number).completions[queues_[number].taken++ % TARGE_MAX_SLOTS];
    }
    /// How the slot ends as it is.
    targe_completion end_of_slot() {
        offer();
        return take();
    }
    /// The next one of the handler; `data`: of how many bytes it comes with.
    [[nodiscard]] targe_request request(std::size_t* data = nullptr) const {
        targe_request request{};
        const ssize_t got = ::recv(connection_, &request, sizeof request, MSG_TRUNC);
        EXPECT_GE(got, ssize_t{sizeof request});
        if (data != nullptr) {
            *data = static_cast<std::size_t>(got) - sizeof request;
        }
        return request;
    }
    void reply(std::uint32_t id, std::int32_t error = 0, std::size_t lacks_bytes = 0) const {
        const struct targe_reply reply{.id = id, .error = error};
        ::send(connection_, &reply, sizeof reply - lacks_bytes, MSG_NOSIGNAL);
    }
    /// Whether the handler has closed its end; waits for that.
    [[nodiscard]] bool is_left(int wait_ms) const {
        pollfd wanted{.fd = connection_, .events = POLLRDHUP, .revents = 0};
        return ::poll(&wanted, 1, wait_ms) > 0;
    }

private:
    void offer(std::uint8_t op, std::uint64_t length) {
        slot().op = op;
        slot().length = length;
        offer();
    }
    [[nodiscard]] std::byte* region() const { return static_cast<std::byte*>(region_); }
    [[nodiscard]] targe_queue& queue(std::uint32_t number) const {
        return *reinterpret_cast<targe_queue*>(&region()[number * TARGE_QUEUE_STRIDE]);
    }
    [[nodiscard]] std::uint32_t completed(std::uint32_t number) const {
        return __atomic_load_n(&queue(number).completed, __ATOMIC_SEQ_CST);
    }
    [[nodiscard]] std::uint64_t region_bytes() const {
        return queues_.size() * (TARGE_QUEUE_STRIDE + kArena);
    }

    struct Counts {
        std::uint32_t offered = 0;
        std::uint32_t taken = 0;
    };
    static constexpr std::uint64_t kArena = TARGE_PAGE;

    std::string path_;
    std::vector<Counts> queues_;
    std::vector<targe_rule> rules_;
    int listener_ = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    int connection_ = -1;
    int memory_ = ::memfd_create("targe", MFD_CLOEXEC);
    // As before it was a socket: whatever can be read from will do.
    int handler_event_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int queue_event_ = ::eventfd(0, EFD_CLOEXEC);
    void* region_ = nullptr;
};

}  // namespace targe::testing
