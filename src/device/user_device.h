// A disk whose blocks another program keeps.
#pragma once

#include "device/command_server.h"
#include "device/device.h"
#include "device/device_observer.h"
#include "device/open.h"
#include "device/user_gateway.h"
#include "device/user_presence.h"
#include "device/user_queue.h"

#include <atomic>
#include <cstdint>
#include <expected>
#include <memory>
#include <mutex>
#include <vector>

namespace targe::device {

/// What initiators are told of a handler's unit; or what is wrong with it, in a sentence.
[[nodiscard]] std::expected<ServerFacts, std::string> facts_of(const UserGreeting& hello);

/// Every operation goes to the handler that is attached, through a queue of the core that asks. While none
/// is, operations wait as long as the settings say, and are then refused; what a handler that is gone had
/// begun, the next one does again.
///
/// stop() before the reactors end; and where it ends before them, leave_core() on each.
class UserDevice final : public Device, private CommandServer, private UserHost, private UserQueueHost {
public:
    [[nodiscard]] static std::expected<std::unique_ptr<UserDevice>, OpenError> open(UserSettings settings);
    ~UserDevice() override;

    [[nodiscard]] Geometry geometry() const override;
    [[nodiscard]] Capabilities capabilities() const override;
    base::Task<IoResult> read(base::CommandArena& arena, std::uint64_t lba, base::Segments into) override;
    [[nodiscard]] bool lends_reads(std::uint64_t bytes) override;
    base::Task<std::expected<Loan, IoFailure>> read_lent(base::CommandArena& arena, std::uint64_t lba,
                                                         std::uint64_t blocks) override;
    void give_back(std::uint64_t loan) override;
    base::Task<IoResult> write(base::CommandArena& arena, std::uint64_t lba, base::ConstSegments from,
                               Durability durability) override;
    base::Task<IoResult> flush(base::CommandArena& arena) override;
    base::Task<IoResult> unmap(base::CommandArena& arena, std::uint64_t lba, std::uint64_t blocks) override;
    base::Task<IoResult> write_zeroes(base::CommandArena& arena, std::uint64_t lba, std::uint64_t blocks,
                                      bool may_unmap, Durability durability) override;
    base::Task<std::optional<IoResult>> write_same(base::CommandArena& arena, std::uint64_t lba,
                                                   std::uint64_t blocks, base::ConstSegment block,
                                                   Durability durability) override;
    /// Within this device; the handler may leave it to the engine.
    base::Task<std::expected<CopyPath, IoFailure>> copy_from(base::CommandArena& arena, std::uint64_t lba,
                                                             Device& source, std::uint64_t source_lba,
                                                             std::uint64_t bytes,
                                                             Durability durability) override;
    base::Task<std::expected<Extent, IoFailure>> block_status(base::CommandArena& arena, std::uint64_t lba,
                                                              std::uint64_t blocks) override;
    base::Task<IoResult> probe(base::CommandArena& arena) override;
    base::Task<IoResult> refresh(base::CommandArena& arena) override;
    [[nodiscard]] std::vector<LogPage> log_pages() const override;
    [[nodiscard]] bool away() const override { return presence_.away(); }
    [[nodiscard]] CommandServer* server() override { return settings_.type ? this : nullptr; }
    void observe(DeviceObserver* observer) override;
    void reservations_changed(const ReservationFacts& facts) override;
    void stop() override;
    /// After stop(), when nothing of it is used any more: lets go of what it has on the core that calls.
    /// False: it cannot yet.
    [[nodiscard]] bool leave_core();

private:
    /// What refresh() makes known.
    struct Facts {
        std::uint64_t blocks;
        std::uint32_t can;
        ServerFacts server;
        bool operator==(const Facts&) const = default;
    };

    explicit UserDevice(UserSettings settings);
    [[nodiscard]] ServerFacts facts() const override;
    base::Task<ServerAnswer> execute(base::CommandArena& arena, ServerRequest& asked) override;
    bool join(const ServerNexus& nexus) override;
    void depart(std::uint64_t nexus) override;
    void leave(std::uint64_t nexus) override;
    void tell(ServerEvent event, bool done, std::uint64_t nexus) override;
    void delivered(std::uint64_t nexus, std::uint64_t report, bool arrived) override;
    std::expected<Agreed, std::string> agree(const UserGreeting& hello) override;
    [[nodiscard]] std::expected<Agreed, std::string> agree_on_commands(const UserGreeting& hello) const;
    bool replace_handler() override;
    void attached(const UserGreeting& hello, std::uint64_t size_bytes) override;
    void admit(std::uint64_t nexus, Admission says) override;
    void defer(const DeferredError& error) override;
    void asked(const targe_request& request, std::span<const std::byte> data,
               std::move_only_function<void(int)> reply) override;
    [[nodiscard]] int keep_log_page(std::uint64_t code, std::span<const std::byte> parameters);

    [[nodiscard]] UserQueue& queue_here();
    [[nodiscard]] IoResult result_of(const UserRequest& request) const;
    [[nodiscard]] bool can(std::uint32_t what) const {
        return (can_.load(std::memory_order_relaxed) & what) != 0;
    }
    void learn(const Facts& facts);
    void set_depth(std::uint64_t depth, std::move_only_function<void(int)> reply);
    void raise(const targe_request& request, std::move_only_function<void(int)> reply);
    void set_range(UserRequest& request, std::uint8_t op, std::uint64_t lba, std::uint64_t blocks) const;
    base::Task<IoResult> perform(base::CommandArena& arena, UserRequest& request);
    base::Task<IoResult> in_pieces(base::CommandArena& arena, UserRequest& whole);
    base::Task<IoResult> write_out_zeroes(base::CommandArena& arena, std::uint64_t lba, std::uint64_t blocks,
                                          Durability durability);

    UserSettings settings_;
    UserPresence presence_;
    mutable std::mutex mutex_;
    Facts known_;                     ///< to the engine
    Facts latest_;                    ///< of the handler
    std::vector<LogPage> log_pages_;  ///< likewise, by code
    std::mutex observing_;
    DeviceObserver* observer_ = nullptr;
    std::atomic<std::uint32_t> can_;
    std::vector<std::unique_ptr<UserQueue>> queues_;  ///< by core; each made by its core, when it is used
    std::unique_ptr<UserGateway> gateway_;            ///< last: it calls the rest
};

}  // namespace targe::device
