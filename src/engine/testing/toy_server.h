// A unit whose device executes CDBs itself, for tests.
#pragma once

#include "engine/testing/plain_device.h"
#include "engine/testing/scene.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <coroutine>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace targe::engine::testing {

/// Answers each command with `answer`, and `data`; or keeps it, until the test says so.
class ToyServer final : public PlainDevice, public device::CommandServer {
public:
    explicit ToyServer(World& world) : world_(world) {}

    CommandServer* server() override { return this; }
    void observe(device::DeviceObserver* observer) override { heard_by = observer; }

    [[nodiscard]] device::ServerFacts facts() const override { return said; }
    base::Task<device::ServerAnswer> execute(base::CommandArena& /*arena*/,
                                             device::ServerRequest& request) override {
        opcodes.push_back(std::to_integer<unsigned>(request.cdb[0]));
        received.clear();
        might_remap = request.may_remap;
        for (const base::ConstSegment& segment : request.out) {
            received.insert(received.end(), segment.data, segment.data + segment.size);
        }
        if (keeps) {
            co_await Kept{*this, request};
        }
        if (!request.in.empty()) {
            std::copy_n(data.begin(), std::min(data.size(), request.in[0].size), request.in[0].data);
        }
        co_return answer;
    }
    bool join(const device::ServerNexus& nexus) override {
        nexuses.emplace_back(nexus.initiator);
        return asks;
    }
    void depart(std::uint64_t /*nexus*/) override { nexuses.pop_back(); }
    void leave(std::uint64_t /*nexus*/) override { nexuses.pop_back(); }
    void tell(device::ServerEvent event, bool done, std::uint64_t /*nexus*/) override {
        events.emplace_back(event, done);
    }
    void delivered(std::uint64_t /*nexus*/, std::uint64_t report, bool arrived) override {
        deliveries.emplace_back(report, arrived);
    }
    void reservations_changed(const device::ReservationFacts& facts) override {
        reservations.emplace_back(facts.kind, facts.type);
        holder = facts.holder;
        registrants = facts.registrants;
    }

    /// Ends what is kept.
    void let_go() {
        world_.as(world_.core(0), [this] { std::exchange(waiter_, {}).resume(); });
    }
    [[nodiscard]] bool kept_is_aborted() const { return kept_->aborted; }

    device::DeviceObserver* heard_by = nullptr;
    device::ServerAnswer answer{.end = device::ServerAnswer::End::answered};
    device::ServerFacts said{
        .removable = true, .vendor = "TOYS", .product = "TAPE", .revision = "7", .vpd_pages = {0xb0}};
    ByteVector data;
    ByteVector received;
    bool might_remap = false;
    bool keeps = false;
    bool asks = false;  ///< whether nexuses may use the unit: the test answers
    std::vector<unsigned> opcodes;
    std::vector<std::string> nexuses;
    std::vector<std::pair<device::ServerEvent, bool>> events;
    std::vector<std::pair<std::uint64_t, bool>> deliveries;
    using Reservation = std::pair<device::ReservationFacts::Kind, unsigned>;
    std::vector<Reservation> reservations;
    std::string holder;
    unsigned registrants = 0;

private:
    struct Kept {
        ToyServer& server;
        device::ServerRequest& request;
        [[nodiscard]] bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<> self) const noexcept {
            server.waiter_ = self;
            server.kept_ = &request;
        }
        void await_resume() const noexcept {}
    };
    World& world_;
    std::coroutine_handle<> waiter_;
    device::ServerRequest* kept_ = nullptr;
};

class ServedUnit : public ::testing::Test {
protected:
    ServedUnit() : world_(2, 1), engine_(world_.cores(), {}) {
        UnitSettings settings;
        settings.name = "tape";
        settings.type = scsi::DeviceType::tape;
        settings.identity.serial = "tape";
        auto made = std::make_unique<ToyServer>(world_);
        server_ = made.get();
        settings.device = std::move(made);
        unit_ = engine_.add_unit(std::move(settings));
        LunMaps maps;
        maps.luns.push_back({.lun = 0, .unit = unit_, .read_only = false});
        target_ = &engine_.add_target("iqn.2026-11.io.targe:test", std::move(maps));
        host_ = login("host");
    }
    std::unique_ptr<Initiator> login(const std::string& name) {
        auto made = std::make_unique<Initiator>(world_, engine_, *target_, world_.core(0), name);
        made->clear_attentions();
        server_->opcodes.clear();
        return made;
    }
    static ByteVector read6(unsigned length) {
        return cdb({0x08, 0, length >> 16U, (length >> 8U) & 0xffU, length & 0xffU, 0});
    }

    World world_;
    Engine engine_;
    std::shared_ptr<LogicalUnit> unit_;
    ToyServer* server_ = nullptr;
    Target* target_ = nullptr;
    std::unique_ptr<Initiator> host_;
};

}  // namespace targe::engine::testing
