// Several cores, every order that a seed can think of.
#include "engine/testing/scene.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

namespace targe::engine {
namespace {

using testing::ByteVector;
using testing::cdb;
using testing::cdb10;
using testing::filled;
using testing::Initiator;
using testing::Pace;
using testing::Scene;
using testing::Task;

constexpr std::uint64_t kSeeds = 150;

ByteVector counter_block(std::uint64_t value) {
    ByteVector block = filled(512, 0);
    std::memcpy(block.data(), &value, sizeof value);
    return block;
}

ByteVector compare_and_write() {
    return cdb({0x89, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0});
}

/// Counts up in block 0 by COMPARE AND WRITE, trying again with what it finds.
struct Counter {
    Initiator& host;
    int left;
    std::uint64_t guess = 0;
    int successes = 0;

    void next() {
        ByteVector data = counter_block(guess);
        const ByteVector wanted = counter_block(guess + 1);
        data.insert(data.end(), wanted.begin(), wanted.end());
        host.send(compare_and_write(), 0, data).on_end = [this](Task& task) { ended(task); };
    }
    void ended(const Task& task) {
        if (task.status == 0) {
            ++successes;
            --left;
        }
        guess = task.status == 0 ? guess + 1 : guess;
        again = left > 0;
        missed = task.status != 0;
    }
    bool again = false;
    bool missed = false;
};

TEST(Interleaving, CompareAndWriteCountsExactly) {
    for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
        SCOPED_TRACE("seed=" + std::to_string(seed));
        Scene scene{{.cores = 1 + seed % 3, .seed = seed}};
        std::vector<std::unique_ptr<Initiator>> hosts;
        std::vector<std::unique_ptr<Counter>> counters;
        for (std::size_t i = 0; i < 4; ++i) {
            hosts.push_back(scene.login(i % (1 + seed % 3)));
            counters.push_back(std::make_unique<Counter>(Counter{.host = *hosts.back(), .left = 5}));
        }
        scene.disk->pace = Pace::by_seed;
        for (const auto& counter : counters) {
            counter->next();
        }
        do {
            for (const auto& counter : counters) {
                if (std::exchange(counter->again, false)) {
                    std::memcpy(&counter->guess, scene.disk->block(0).data(), sizeof counter->guess);
                    counter->next();
                }
            }
        } while (scene.world.step() || std::ranges::any_of(counters, [](const auto& c) { return c->again; }));
        int successes = 0;
        for (const auto& counter : counters) {
            successes += counter->successes;
        }
        std::uint64_t value = 0;
        std::memcpy(&value, scene.disk->block(0).data(), sizeof value);
        ASSERT_EQ(value, 20U);
        ASSERT_EQ(successes, 20);
    }
}

TEST(Interleaving, CompareAndWriteKeepsItsRangeOnEveryCore) {
    for (const std::size_t cores : {1U, 2U, 3U}) {
        SCOPED_TRACE("cores=" + std::to_string(cores));
        Scene scene{{.cores = cores}};
        const auto host = scene.login(0);
        const auto other = scene.login(cores - 1);
        scene.disk->pace = Pace::on_request;
        other->send(cdb10(0x2a, 0, 1), 0, filled(512, 0));
        Task& caw = host->send(compare_and_write(), 0, filled(1024, 0));
        scene.world.run();
        EXPECT_EQ(scene.disk->reads, 0U);  // the WRITE came first
        scene.disk->complete_one();
        scene.world.run();
        EXPECT_EQ(scene.disk->reads, 1U);
        Task& inside = other->send(cdb10(0x2a, 0, 1), 0, filled(512, 7));
        Task& reader = other->send(cdb10(0x28, 0, 2), 1024);
        Task& beside = other->send(cdb10(0x2a, 1, 1), 0, filled(512, 7));
        scene.world.run();
        EXPECT_EQ(scene.disk->pending(), 2U);  // the comparison and the one beside it
        scene.disk->complete_one();
        scene.disk->complete_one();
        scene.world.run();
        EXPECT_TRUE(beside.ended);
        EXPECT_FALSE(inside.ended || reader.ended || caw.ended);
        EXPECT_EQ(scene.disk->pending(), 1U);
        scene.disk->complete_one();
        scene.world.run();
        EXPECT_EQ(caw.status, 0);
        EXPECT_EQ(scene.disk->pending(), 2U);
        scene.disk->complete_one();
        scene.disk->complete_one();
        EXPECT_TRUE(inside.ended && reader.ended);
    }
}

TEST(Interleaving, CompareAndWriteAwaitsWhatTheDeviceLent) {
    for (const std::size_t cores : {1U, 2U}) {
        SCOPED_TRACE("cores=" + std::to_string(cores));
        Scene scene{{.cores = cores}};
        const auto reader = scene.login(0);
        const auto writer = scene.login(cores - 1);
        scene.disk->lends = true;
        reader->hold_responses = true;
        Task& before = reader->run(cdb10(0x28, 0, 1), 512);
        Task& beside = reader->run(cdb10(0x28, 1, 1), 512);
        ASSERT_EQ(before.data_in[0].data, scene.disk->block(0).data());
        ByteVector data = filled(512, 0);
        data.resize(1024, std::byte{1});
        Task& caw = writer->send(compare_and_write(), 0, data);
        scene.world.run();
        EXPECT_FALSE(caw.ended) << "half of what is being sent would be old";
        // From here on nobody who is slow to receive keeps it waiting.
        Task& meanwhile = reader->run(cdb10(0x28, 2, 1), 512);
        EXPECT_NE(meanwhile.data_in[0].data, scene.disk->block(2).data());
        reader->retire(before, Delivery::failed);
        scene.world.run();
        EXPECT_EQ(caw.status, 0);
        EXPECT_TRUE(caw.ended);
        reader->retire(beside);
        reader->retire(meanwhile);
    }
}

/// Throws everything at one unit, and checks each answer of a function when it comes.
class Storm {
public:
    Storm(std::size_t cores, std::uint64_t seed, scsi::TaskSetType task_sets)
        : scene_({.cores = cores, .seed = seed, .task_set_type = task_sets}),
          cores_(cores),
          task_sets_(task_sets) {
        for (std::size_t i = 0; i < 4; ++i) {
            hosts_.push_back(scene_.login(i % cores));
            watch(*hosts_.back());
        }
        scene_.disk->pace = Pace::by_seed;
    }

    void run(int turns) {
        for (int i = 0; i < turns; ++i) {
            act();
            deliver_some(3);
            for (std::uint64_t steps = scene_.world.below(12); steps > 0; --steps) {
                scene_.world.step();
            }
        }
        do {
            scene_.world.run();
        } while (deliver_some(1));
        for (const auto& host : hosts_) {
            host->clear_attentions();
        }
        EXPECT_EQ(ended_, sent_);
        EXPECT_EQ(functions_begun_, functions_ended_);
        EXPECT_EQ(scene_.disk->writes_begun, scene_.disk->writes_ended);
        EXPECT_TRUE(scene_.unit->lane(scene_.world.core(0)).is_open());
    }

private:
    struct Function {
        const TaskManagement* request;
        std::vector<const Task*> affected;
    };

    void watch(Initiator& host) {
        host.on_managed = [this](const TaskManagement& request) {
            ++functions_ended_;
            const auto at = std::ranges::find(functions_, &request, &Function::request);
            // A function may be answered before begin() has told which it is.
            if (at != functions_.end()) {
                EXPECT_EQ(request.response, TaskResponse::function_complete);
                for (const Task* const task : at->affected) {
                    EXPECT_TRUE(std::ranges::find(alive_, task) == alive_.end())
                        << "a task outlives its function";
                }
            }
        };
    }

    void send(Initiator& host, const ByteVector& command, std::uint32_t in, const ByteVector& out,
              scsi::TaskAttribute attribute = scsi::TaskAttribute::simple) {
        ++sent_;
        host.data_out_mode =
            scene_.world.below(4) == 0 ? testing::DataOutMode::later : testing::DataOutMode::at_once;
        Task& task = host.send(command, in, out, 0, attribute);
        if (task.ended) {
            ++ended_;
            return;
        }
        const bool touches = command[0] == std::byte{0x2a} || command[0] == std::byte{0x89};
        if (touches) {
            alive_.push_back(&task);
            owner_.push_back(&host);
        }
        task.on_end = [this](Task& done) { forget(done); };
        sent_by_.emplace_back(&task, &host);
    }

    /// The data of one in `of` tasks that wait for theirs. False when none does.
    bool deliver_some(std::uint64_t of) {
        std::erase_if(sent_by_, [](const auto& sent) { return sent.first->ended; });
        bool waits = false;
        for (const auto& [task, host] : std::vector(sent_by_)) {
            if (!task->ended && task->life.stage == detail::Stage::awaiting_data) {
                waits = true;
                if (scene_.world.below(of) == 0) {
                    host->deliver_data(*task);
                }
            }
        }
        return waits;
    }

    void forget(const Task& done) {
        ++ended_;
        const auto at = std::ranges::find(alive_, &done);
        if (at != alive_.end()) {
            owner_.erase(owner_.begin() + (at - alive_.begin()));
            alive_.erase(at);
        }
    }

    [[nodiscard]] bool only_own_tasks(TaskFunction what) const {
        return what == TaskFunction::abort_task_set ||
               (what == TaskFunction::clear_task_set && task_sets_ == scsi::TaskSetType::one_per_nexus);
    }

    void function(Initiator& host, TaskFunction what) {
        ++functions_begun_;
        std::vector<const Task*> affected;
        for (std::size_t i = 0; i < alive_.size(); ++i) {
            if (!only_own_tasks(what) || owner_[i] == &host) {
                affected.push_back(alive_[i]);
            }
        }
        const int before = functions_ended_;
        const TaskManagement& request = host.begin(what);
        if (functions_ended_ > before) {
            for (const Task* const task : affected) {
                EXPECT_TRUE(std::ranges::find(alive_, task) == alive_.end());
            }
            return;
        }
        functions_.push_back({&request, std::move(affected)});
    }

    void act() {
        Initiator& host = *hosts_[scene_.world.below(hosts_.size())];
        const auto lba = static_cast<std::uint32_t>(scene_.world.below(4));
        switch (scene_.world.below(16)) {
            case 0:
                return function(host, TaskFunction::logical_unit_reset);
            case 1:
                return function(host, TaskFunction::abort_task_set);
            case 2:
                return function(host, TaskFunction::target_warm_reset);
            case 3:
                return send(host, cdb({0x16, 0, 0, 0, 0, 0}), 0, {});
            case 4:
                return send(host, cdb({0x17, 0, 0, 0, 0, 0}), 0, {});
            case 5: {
                const auto swp = static_cast<unsigned>(scene_.world.below(2)) * 8U;
                const auto qerr = static_cast<unsigned>(scene_.world.below(2)) * 2U;
                const auto type = static_cast<unsigned>(task_sets_) << 5U;
                return send(host, cdb({0x15, 0x10, 0, 0, 16, 0}), 0,
                            cdb({0, 0, 0, 0, 0x0a, 0x0a, type, 0x10 | qerr, swp, 0, 0, 0, 0, 0, 0, 0}));
            }
            case 6:
            case 7:
                return send(host, compare_and_write(), 0, filled(1024, 0));
            case 8:
                return send(host, cdb10(0x2a, lba, 1), 0, filled(512, 0), scsi::TaskAttribute::ordered);
            case 9:
                return close_and_reopen();
            case 10:
                return function(host, TaskFunction::clear_task_set);
            default:
                return send(host, cdb10(scene_.world.below(2) == 0 ? 0x28 : 0x2a, lba, 1), 512,
                            filled(512, 0));
        }
    }

    void close_and_reopen() {
        const std::size_t which = scene_.world.below(hosts_.size());
        std::unique_ptr<Initiator>& host = hosts_[which];
        host->close();
        for (Initiator* const owner : owner_) {
            EXPECT_NE(owner, host.get()) << "a task outlives its nexus";
        }
        closed_.push_back(std::move(host));  // its tasks stay where they are
        host = scene_.login(which % cores_, true, NexusOrigin::reinstated);
        watch(*host);
    }

    Scene scene_;
    std::size_t cores_;
    scsi::TaskSetType task_sets_;
    std::vector<std::unique_ptr<Initiator>> hosts_;
    std::vector<std::unique_ptr<Initiator>> closed_;
    std::vector<std::pair<Task*, Initiator*>> sent_by_;  ///< and not ended
    std::vector<const Task*> alive_;
    std::vector<Initiator*> owner_;
    std::vector<Function> functions_;
    int sent_ = 0;
    int ended_ = 0;
    int functions_begun_ = 0;
    int functions_ended_ = 0;
};

TEST(Interleaving, NoTaskOutlivesItsFunctionAndNothingStalls) {
    for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
        SCOPED_TRACE("seed=" + std::to_string(seed));
        Storm{1 + seed % 3, seed, scsi::TaskSetType::one_per_nexus}.run(120);
        Storm{1 + seed % 3, seed, scsi::TaskSetType::shared}.run(120);
        if (::testing::Test::HasFailure()) {
            break;
        }
    }
}

}  // namespace
}  // namespace targe::engine
