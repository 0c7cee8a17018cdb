// The same engine on real threads: the thread sanitizer sees here what a simulation cannot.
#include "engine/testing/initiator.h"
#include "engine/testing/plain_device.h"
#include "engine/testing/world.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <random>
#include <thread>

namespace targe::engine {
namespace {

using testing::ByteVector;
using testing::cdb;
using testing::cdb10;

class ThreadCore final : public base::Core {
public:
    explicit ThreadCore(std::uint16_t id) : id_(id) {}
    ~ThreadCore() = default;

    [[nodiscard]] base::CoreId id() const override { return id_; }
    [[nodiscard]] base::Time now() const override { return {}; }
    [[nodiscard]] base::Time clock() const override { return {}; }
    [[nodiscard]] std::uint64_t unix_ms() const override { return 0; }
    void random(std::span<std::byte> /*out*/) override {}
    void post(base::Message& message) override {
        const std::lock_guard lock{mutex_};
        inbox_.push_back(&message);
        arrived_.notify_one();
    }
    // No deadline passes here.
    void arm(base::Timer& timer, base::Time /*deadline*/) override { timer.slot = 0; }
    void disarm(base::Timer& timer) override { timer.slot = base::Timer::kNoSlot; }
    [[nodiscard]] base::BufferPool& buffers() override { return pool_; }

    void run() {
        while (base::Message* const message = next()) {
            message->run();
        }
    }
    void stop() {
        const std::lock_guard lock{mutex_};
        stopping_ = true;
        arrived_.notify_one();
    }

private:
    base::Message* next() {
        std::unique_lock lock{mutex_};
        arrived_.wait(lock, [this] { return stopping_ || !inbox_.empty(); });
        if (inbox_.empty()) {
            return nullptr;
        }
        base::Message* const first = inbox_.front();
        inbox_.pop_front();
        return first;
    }

    base::CoreId id_;
    testing::HeapPool pool_;
    std::mutex mutex_;
    std::condition_variable arrived_;
    std::deque<base::Message*> inbox_;
    bool stopping_ = false;
};

/// Nothing in it is guarded: who races in the engine races here.
class PlainDisk final : public testing::PlainDevice {
public:
    static constexpr std::uint32_t kBlock = 512;

    [[nodiscard]] device::Geometry geometry() const override { return {.blocks = 64, .block_size = kBlock}; }
    base::Task<device::IoResult> read(base::CommandArena& /*arena*/, std::uint64_t lba,
                                      base::Segments into) override {
        std::memcpy(into[0].data, data_.data() + lba * kBlock, into[0].size);
        co_return device::IoResult{};
    }
    base::Task<device::IoResult> write(base::CommandArena& /*arena*/, std::uint64_t lba,
                                       base::ConstSegments from, device::Durability /*durability*/) override {
        std::memcpy(data_.data() + lba * kBlock, from[0].data, from[0].size);
        co_return device::IoResult{};
    }

    [[nodiscard]] std::uint64_t counter() const {
        std::uint64_t value = 0;
        std::memcpy(&value, data_.data(), sizeof value);
        return value;
    }

private:
    std::vector<std::byte> data_ = std::vector<std::byte>(std::size_t{64} * kBlock);
};

/// One initiator with one command at a time: counts block 0 up, and does other things between.
class Player final : public CommandPort {
public:
    Player(Engine& engine, Target& target, base::Core& core, unsigned number, scsi::TaskSetType type)
        : engine_(engine),
          target_(target),
          core_(core),
          number_(number),
          tst_(static_cast<unsigned>(type) << 5U),
          random_(number) {}

    void begin(std::atomic<int>& playing) {
        base::post(core_, [this, &playing] {
            playing_ = &playing;
            nexus_ = engine_.open_nexus(core_, target_, {.initiator_name = "i" + std::to_string(number_)},
                                        *this, NexusOrigin::fresh);
            next();
        });
    }

    void data_out_wanted(Command& command) override {
        std::memcpy(command.data_out.segments[0].data, out_.data(), command.data_out.size);
        nexus_->data_out_arrived(command);
    }
    void completed(Command& command) override {
        if (command.status == 0 && command.data_in.size() == 1) {
            std::memcpy(&guess_, command.data_in[0].data, sizeof guess_);
        }
        counted += counting_ && command.status == 0 ? 1 : 0;
        go_on();
    }
    void dropped(Command& /*command*/) override {
        uncertain += counting_ ? 1 : 0;
        go_on();
    }
    void let_go(Command& /*command*/) override {}
    void managed(TaskManagement& /*request*/) override {
        base::post(core_, [this] { next(); });
    }

    std::uint64_t counted = 0;
    std::uint64_t uncertain = 0;

private:
    void go_on() {
        base::post(core_, [this] {
            EXPECT_TRUE(nexus_->retire(command_, Delivery::delivered));
            next();
        });
    }
    void next() {
        if (turns_-- == 0) {
            nexus_->close([this] {
                nexus_.reset();
                playing_->fetch_sub(1);
            });
            return;
        }
        const auto draw = random_() % 16;
        if (draw == 0 && number_ < 2) {
            return manage(number_ == 0 ? TaskFunction::logical_unit_reset : TaskFunction::clear_task_set);
        }
        if (draw < 3) {
            return manage(TaskFunction::clear_aca);
        }
        choose();
    }
    void manage(TaskFunction function) {
        request_ = {.function = function};
        nexus_->manage(request_);
    }
    void choose() {
        out_.clear();
        counting_ = false;
        attribute_ = scsi::TaskAttribute::simple;
        switch (random_() % 13) {
            case 0:
                return send(cdb({0x16, 0, 0, 0, 0, 0}));
            case 1:
                return send(cdb({0x17, 0, 0, 0, 0, 0}));
            case 2:
                out_ = cdb({0, 0, 0, 0, 0x0a, 0x0a, static_cast<unsigned>(random_() % 2) * 4 + tst_,
                            static_cast<unsigned>(random_() % 2) * 2 + 0x10, 0, 0, 0, 0, 0, 0, 0, 0});
                return send(cdb({0x15, 0x10, 0, 0, 16, 0}));
            case 3:
                out_ = ByteVector(512, std::byte{1});
                attribute_ =
                    random_() % 4 == 0 ? scsi::TaskAttribute::head_of_queue : scsi::TaskAttribute::ordered;
                return send(cdb10(0x2a, number_ + 1, 1));
            case 4:
                return send(cdb10(0x28, 0, 1), 512);
            case 5:
                return reserve_out(random_() % 2 == 0 ? 6 : 1, number_ % 3 + 1);  // REGISTER, RESERVE
            case 6:
                return reserve_out(random_() % 2 == 0 ? 5 : 4,
                                   random_() % 3 + 1);  // PREEMPT, AND ABORT or not
            case 7:
                return reserve_out(random_() % 2 == 0 ? 2 : 3, 0);  // RELEASE, CLEAR
            case 8:
                return send(cdb({0x28, 0, 0xff, 0, 0, 0, 0, 0, 1, 4}), 512);  // a fault, with NACA
            default:
                out_ = ByteVector(1024);
                std::memcpy(out_.data(), &guess_, sizeof guess_);
                ++guess_;
                std::memcpy(out_.data() + 512, &guess_, sizeof guess_);
                counting_ = true;
                return send(cdb({0x89, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0}));
        }
    }
    /// Of type Write Exclusive, Registrants Only; the key is the same for every other player.
    void reserve_out(unsigned action, unsigned service_action_key) {
        out_ = ByteVector(24);
        out_[7] = static_cast<std::byte>(number_ % 3 + 1);
        out_[15] = static_cast<std::byte>(service_action_key);
        send(cdb({0x5f, action, 5, 0, 0, 0, 0, 0, 24, 0}));
    }
    void send(const ByteVector& bytes, std::uint32_t in = 0) {
        command_.reset();
        command_.cdb = scsi::Cdb{bytes};
        command_.attribute = attribute_;
        command_.expected = {true, static_cast<std::uint32_t>(out_.size()), in};
        nexus_->submit(command_);
    }

    Engine& engine_;
    Target& target_;
    base::Core& core_;
    unsigned number_;
    unsigned tst_;  ///< where the Control mode page has it
    int turns_ = 400;
    scsi::TaskAttribute attribute_ = scsi::TaskAttribute::simple;
    std::minstd_rand random_;
    std::atomic<int>* playing_ = nullptr;
    std::unique_ptr<Nexus> nexus_;
    Command command_;
    TaskManagement request_;
    ByteVector out_;
    std::uint64_t guess_ = 0;
    bool counting_ = false;
};

/// Until every message that was under way, and whatever it sent, has been taken.
void settle(const std::vector<base::Core*>& cores) {
    for (std::size_t round = 0; round < cores.size() + 1; ++round) {
        std::atomic<std::size_t> left{cores.size()};
        for (base::Core* const core : cores) {
            base::post(*core, [&left] { left.fetch_sub(1); });
        }
        while (left.load() > 0) {
            std::this_thread::yield();
        }
    }
}

void share_a_unit(scsi::TaskSetType type) {
    constexpr std::size_t kCores = 3;
    std::vector<std::unique_ptr<ThreadCore>> cores;
    std::vector<base::Core*> all;
    for (std::uint16_t i = 0; i < kCores; ++i) {
        all.push_back(cores.emplace_back(std::make_unique<ThreadCore>(i)).get());
    }
    Engine engine{all};
    UnitSettings settings;
    settings.name = "disk";
    settings.device = std::make_unique<PlainDisk>();
    settings.task_set_type = type;
    const auto unit = engine.add_unit(std::move(settings));
    LunMaps maps;
    maps.luns.push_back({.lun = 0, .unit = unit});
    Target& target = engine.add_target("iqn.2026-11.io.targe:threads", maps);

    std::vector<std::unique_ptr<Player>> players;
    for (unsigned i = 0; i < 2 * kCores; ++i) {
        players.push_back(std::make_unique<Player>(engine, target, *all[i % kCores], i, type));
    }
    std::atomic<int> playing{static_cast<int>(players.size())};
    for (const auto& player : players) {
        player->begin(playing);
    }
    std::vector<std::jthread> threads;
    for (const auto& core : cores) {
        threads.emplace_back([&core] { core->run(); });
    }
    while (playing.load() > 0) {
        std::this_thread::yield();
    }
    settle(all);
    for (const auto& core : cores) {
        core->stop();
    }
    threads.clear();
    std::uint64_t counted = 0;
    std::uint64_t uncertain = 0;
    for (const auto& player : players) {
        counted += player->counted;
        uncertain += player->uncertain;
    }
    const std::uint64_t counter = static_cast<PlainDisk&>(unit->device()).counter();
    EXPECT_GT(counter, 0U);
    EXPECT_LE(counted, counter);
    EXPECT_LE(counter, counted + uncertain);
}

TEST(Threads, ShareAUnitWithoutARace) {
    share_a_unit(scsi::TaskSetType::one_per_nexus);
}

TEST(Threads, ShareATaskSetWithoutARace) {
    share_a_unit(scsi::TaskSetType::shared);
}

}  // namespace
}  // namespace targe::engine
