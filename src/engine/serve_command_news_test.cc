// What a device that executes CDBs itself says of its unit and of commands, and what it hears.
#include "engine/background.h"
#include "engine/testing/toy_server.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <coroutine>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace targe::engine {
namespace {

using device::Admission;
using testing::ByteVector;
using testing::cdb;
using testing::filled;
using testing::Initiator;
using testing::ServedUnit;
using testing::Task;
using testing::ToyServer;

std::size_t luns_of(Initiator& who) {
    return who.run(cdb({0xa0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0}), 256).data_received.size() / 8 - 1;
}

TEST_F(ServedUnit, IsNotThereForANexusThatItsDeviceRefuses) {
    const auto other = login("other");
    server_->heard_by->admit(host_->nexus().id().value, Admission::refused);
    world_.run();
    EXPECT_EQ(luns_of(*host_), 0U);
    EXPECT_EQ(luns_of(*other), 1U);
    EXPECT_EQ(host_->run(cdb({0x12, 0, 0, 0, 96, 0}), 96).data_received[0], std::byte{0x7f});
    EXPECT_EQ(host_->run(cdb({0x01, 0, 0, 0, 0, 0})).sense_code(), 0x052500U);
    EXPECT_TRUE(server_->opcodes.empty());
    EXPECT_EQ(other->run(cdb({0x01, 0, 0, 0, 0, 0})).status, 0x00);
    host_->depart();
    host_->arrive(world_.core(1));
    world_.run();
    EXPECT_EQ(luns_of(*host_), 0U) << "on another core";
    server_->heard_by->admit(host_->nexus().id().value, Admission::unheard);
    world_.run();
    EXPECT_EQ(luns_of(*host_), 0U) << "its device says nothing new";
    server_->heard_by->admit(host_->nexus().id().value, Admission::admitted);
    world_.run();
    EXPECT_EQ(host_->next_attention(), 0x063f0eU);
    EXPECT_EQ(luns_of(*host_), 1U);
    EXPECT_EQ(other->next_attention(), 0U);
}

TEST_F(ServedUnit, IsNotResetByANexusThatItsDeviceRefuses) {
    const auto other = login("other");
    EXPECT_EQ(other->run(cdb({0x16, 0, 0, 0, 0, 0})).status, 0x00);
    server_->heard_by->admit(host_->nexus().id().value, Admission::refused);
    world_.run();
    EXPECT_EQ(host_->manage(TaskFunction::target_warm_reset), TaskResponse::function_complete);
    EXPECT_EQ(other->next_attention(), 0U);
    const auto third = login("third");
    EXPECT_EQ(third->run(cdb({0x16, 0, 0, 0, 0, 0})).status, 0x18);
}

TEST_F(ServedUnit, IsResetThoughAChangeAwaitsACommandOfItsDevice) {
    const auto other = login("other");
    const auto third = login("third");
    server_->keeps = true;
    Task& rewind = host_->send(cdb({0x01, 0, 0, 0, 0, 0}));
    Task& reserve = other->send(cdb({0x16, 0, 0, 0, 0, 0}));
    world_.run();
    ASSERT_FALSE(reserve.ended);
    third->begin(TaskFunction::logical_unit_reset);
    world_.run();
    ASSERT_TRUE(server_->kept_is_aborted());
    server_->let_go();
    world_.run();
    EXPECT_TRUE(rewind.was_dropped);
    ASSERT_EQ(third->answered.size(), 1U);
    EXPECT_EQ(third->answered[0]->response, TaskResponse::function_complete);
    EXPECT_TRUE(reserve.ended || reserve.was_dropped);
    server_->keeps = false;
    third->clear_attentions();
    EXPECT_EQ(third->run(cdb({0x01, 0, 0, 0, 0, 0})).status, 0x00) << "nobody has reserved it";
}

struct Pause {
    std::coroutine_handle<>& paused;
    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> self) const noexcept { paused = self; }
    void await_resume() const noexcept {}
};

/// A change that closes lanes later than its turn comes, as one does that is kept on a disk.
Background change_slowly(std::shared_ptr<LogicalUnit> unit, std::coroutine_handle<>& paused) {
    Change change{unit->home()};
    co_await change.turn();
    co_await Pause{paused};
    co_await change.begin();
    co_await change.commit();
}

TEST_F(ServedUnit, IsResetThoughAChangeThatStoodBeforeClosesLanesLater) {
    const auto other = login("other");
    server_->keeps = true;
    Task& rewind = host_->send(cdb({0x01, 0, 0, 0, 0, 0}));
    world_.run();
    std::coroutine_handle<> paused;
    base::Core& home = unit_->home().core();
    world_.as(home, [&] { change_slowly(unit_, paused); });
    world_.run();
    other->begin(TaskFunction::logical_unit_reset);
    world_.run();
    world_.as(home, [&] { paused.resume(); });
    world_.run();
    ASSERT_TRUE(server_->kept_is_aborted());
    server_->let_go();
    world_.run();
    EXPECT_TRUE(rewind.was_dropped);
    ASSERT_EQ(other->answered.size(), 1U);
    EXPECT_EQ(other->answered[0]->response, TaskResponse::function_complete);
}

TEST_F(ServedUnit, IsSeenByNobodyBeforeItsDeviceHasSaidWhoMay) {
    server_->asks = true;
    for (const Admission says : {Admission::refused, Admission::admitted, Admission::unheard}) {
        Initiator guest(world_, engine_, *target_, world_.core(1), "guest");
        bool logged_in = false;
        guest.nexus().await_admission(std::chrono::seconds{1}, [&] { logged_in = true; });
        world_.advance(std::chrono::milliseconds{999});
        EXPECT_FALSE(logged_in);
        EXPECT_FALSE(guest.nexus().is_at_rest());
        server_->heard_by->admit(guest.nexus().id().value, says);
        world_.advance({});
        EXPECT_TRUE(logged_in);
        EXPECT_EQ(luns_of(guest), says == Admission::refused ? 0U : 1U);
        EXPECT_TRUE(guest.events.empty()) << "it is told nothing of what it never saw";
    }
    server_->asks = false;
    Initiator guest(world_, engine_, *target_, world_.core(1), "guest");
    bool logged_in = false;
    guest.nexus().await_admission(std::chrono::seconds{1}, [&] { logged_in = true; });
    EXPECT_TRUE(logged_in) << "nobody is asked";
}

TEST_F(ServedUnit, IsOneOfThoseThatALoginWaitsFor) {
    auto made = std::make_unique<ToyServer>(world_);
    ToyServer& other = *made;
    UnitSettings settings;
    settings.name = "changer";
    settings.type = scsi::DeviceType::tape;
    settings.identity.serial = "changer";
    settings.device = std::move(made);
    LunMaps maps = target_->latest_maps();
    maps.luns.push_back({.lun = 1, .unit = engine_.add_unit(std::move(settings)), .read_only = false});
    target_->set_maps(std::make_shared<const LunMaps>(std::move(maps)));
    world_.run();
    server_->asks = other.asks = true;
    Initiator guest(world_, engine_, *target_, world_.core(1), "guest");
    bool logged_in = false;
    guest.nexus().await_admission(std::chrono::seconds{1}, [&] { logged_in = true; });
    server_->heard_by->admit(guest.nexus().id().value, Admission::admitted);
    world_.advance({});
    EXPECT_FALSE(logged_in) << "the other has not said yet";
    other.heard_by->admit(guest.nexus().id().value, Admission::refused);
    world_.advance({});
    EXPECT_TRUE(logged_in);
    EXPECT_EQ(luns_of(guest), 1U);
}

TEST_F(ServedUnit, KeepsALoginWaitingForALittleWhileOnly) {
    server_->asks = true;
    Initiator guest(world_, engine_, *target_, world_.core(1), "guest");
    bool logged_in = false;
    guest.nexus().await_admission(std::chrono::seconds{1}, [&] { logged_in = true; });
    world_.advance(std::chrono::seconds{1});
    EXPECT_TRUE(logged_in);
    EXPECT_EQ(luns_of(guest), 1U);
    guest.clear_attentions();
    server_->heard_by->admit(guest.nexus().id().value, Admission::refused);
    world_.run();
    EXPECT_EQ(guest.events.back(), scsi::Asc::reported_luns_data_has_changed) << "a refusal that came late";
    EXPECT_EQ(luns_of(guest), 0U);
}

TEST_F(ServedUnit, EndsTheWaitOfALoginThatEnds) {
    server_->asks = true;
    Initiator guest(world_, engine_, *target_, world_.core(1), "guest");
    bool logged_in = false;
    guest.nexus().await_admission(std::chrono::seconds{1}, [&] { logged_in = true; });
    server_->heard_by->admit(guest.nexus().id().value, Admission::refused);
    world_.run();  // the answer is here, and the login would go on now
    guest.close();
    world_.advance(std::chrono::seconds{2});
    EXPECT_FALSE(logged_in);
}

TEST_F(ServedUnit, KeepsNoLoginWaitingOnceItHasLeftTheLunMap) {
    server_->asks = true;
    Initiator guest(world_, engine_, *target_, world_.core(1), "guest");
    bool logged_in = false;
    guest.nexus().await_admission(std::chrono::seconds{1}, [&] { logged_in = true; });
    target_->set_maps(std::make_shared<const LunMaps>());
    world_.advance({});
    EXPECT_TRUE(logged_in);
    EXPECT_EQ(luns_of(guest), 0U);
}

TEST_F(ServedUnit, TellsTheNextCommandOfAnErrorThatCameLate) {
    const auto other = login("other");
    server_->heard_by->defer(
        {.nexus = host_->nexus().id().value, .key = 3, .condition = 0x0c00, .information = 7});
    world_.run();
    EXPECT_EQ(other->run(cdb({0x01, 0, 0, 0, 0, 0})).status, 0x00);
    const Task& told = host_->run(cdb({0x01, 0, 0, 0, 0, 0}));
    EXPECT_EQ(told.sense_code(), 0x030c00U);
    EXPECT_EQ(told.sense_received[0], std::byte{0xf1});  // deferred, with INFORMATION
    EXPECT_EQ(host_->run(cdb({0x01, 0, 0, 0, 0, 0})).status, 0x00);
}

TEST_F(ServedUnit, HearsWhatBecameOfTheAnswersThatItAsksAfter) {
    EXPECT_EQ(host_->run(cdb({0x01, 0, 0, 0, 0, 0})).status, 0x00);
    server_->answer.report = 7;
    EXPECT_EQ(host_->run(cdb({0x01, 0, 0, 0, 0, 0})).status, 0x00);
    using Delivered = std::pair<std::uint64_t, bool>;
    EXPECT_EQ(server_->deliveries, std::vector<Delivered>{Delivered(7, true)});
    server_->answer.report = 8;
    server_->keeps = true;
    const Task& aborted = host_->send(cdb({0x01, 0, 0, 0, 0, 0}));
    world_.run();
    host_->begin(TaskFunction::logical_unit_reset);
    world_.run();
    server_->keeps = false;
    server_->let_go();
    world_.run();
    EXPECT_TRUE(aborted.was_dropped);
    EXPECT_EQ(server_->deliveries.back(), Delivered(8, false));
    host_->clear_attentions();
    server_->answer.report = 9;
    host_->delivery = Delivery::failed;
    EXPECT_EQ(host_->run(cdb({0x01, 0, 0, 0, 0, 0})).status, 0x00);
    EXPECT_EQ(server_->deliveries.back(), Delivered(9, false)) << "its status was lost";
}

TEST_F(ServedUnit, HearsOfReservations) {
    using Kind = device::ReservationFacts::Kind;
    using Reservation = ToyServer::Reservation;
    EXPECT_EQ(host_->run(cdb({0x16, 0, 0, 0, 0, 0})).status, 0x00);
    EXPECT_EQ(host_->run(cdb({0x17, 0, 0, 0, 0, 0})).status, 0x00);
    EXPECT_EQ(server_->reservations, (std::vector<Reservation>{{Kind::reserve, 0}, {Kind::none, 0}}));
    ByteVector key(24);
    key[15] = std::byte{1};  // SERVICE ACTION RESERVATION KEY
    EXPECT_EQ(host_->run(cdb({0x5f, 0x00, 0, 0, 0, 0, 0, 0, 24, 0}), 0, key).status, 0x00);
    EXPECT_EQ(server_->registrants, 1U);
    std::swap(key[7], key[15]);
    EXPECT_EQ(host_->run(cdb({0x5f, 0x01, 3, 0, 0, 0, 0, 0, 24, 0}), 0, key).status, 0x00);
    EXPECT_EQ(server_->reservations.back(), Reservation(Kind::persistent, 3));
    EXPECT_EQ(server_->holder, "host");
}

TEST_F(ServedUnit, GoesByWhatItsDeviceSaysOfCommands) {
    using Direction = device::CommandRule::Direction;
    server_->said.rules = {{.opcode = 0xc5,
                            .service_action = 2,
                            .direction = Direction::out,
                            .writes_medium = true,
                            .length_at = 3,
                            .length_bytes = 2,
                            .unit = 10},
                           {.opcode = 0xc5, .passes_every_reservation = true}};
    server_->heard_by->changed();
    world_.run();
    host_->clear_attentions();
    const auto other = login("other");
    const Task& sent = host_->run(cdb({0xc5, 2, 0, 0, 3, 0}), 0, filled(100, 7));
    EXPECT_EQ(sent.status, 0x00);
    EXPECT_EQ(server_->received, filled(30, 7));
    EXPECT_FALSE(server_->might_remap) << "it knows no READ(16)";
    EXPECT_EQ(sent.residual_out, (Residual{Residual::Kind::underflow, 70}));
    EXPECT_EQ(host_->run(cdb({0x16, 0, 0, 0, 0, 0})).status, 0x00);
    EXPECT_EQ(other->run(cdb({0xc5, 2, 0, 0, 1, 0}), 0, filled(10, 7)).status, 0x18);
    EXPECT_EQ(other->run(cdb({0xc5, 1, 0, 0, 0, 0})).status, 0x00);
    EXPECT_EQ(other->run(cdb({0xc6, 1, 0, 0, 0, 0})).status, 0x18) << "of which nobody said anything";
}

}  // namespace
}  // namespace targe::engine
