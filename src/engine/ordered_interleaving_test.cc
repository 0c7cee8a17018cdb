// One task set for several nexuses on several cores, in every order that a seed can think of: an ORDERED task
// is alone, and nobody overtakes it or is overtaken by it.
#include "engine/testing/scene.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>

namespace targe::engine {
namespace {

using scsi::TaskAttribute;
using testing::ByteVector;
using testing::cdb;
using testing::cdb10;
using testing::filled;
using testing::Initiator;
using testing::Pace;
using testing::Scene;
using testing::Task;

constexpr std::uint64_t kSeeds = 600;

class OrderStorm {
public:
    OrderStorm(std::size_t cores, std::uint64_t seed)
        : scene_({.cores = cores, .seed = seed, .task_set_type = scsi::TaskSetType::shared}), cores_(cores) {
        for (std::size_t i = 0; i < 4; ++i) {
            hosts_.push_back(scene_.login(i % cores));
        }
        scene_.disk->pace = Pace::by_seed;
        scene_.disk->on_write = [this] { check_alone(); };
    }

    void run(int turns) {
        for (int i = 0; i < turns; ++i) {
            act();
            deliver_some(3);
            for (std::uint64_t steps = scene_.world.below(8); steps > 0; --steps) {
                scene_.world.step();
            }
        }
        do {
            scene_.world.run();
            for (const auto& host : hosts_) {
                host->manage(TaskFunction::clear_aca);
            }
            scene_.world.run();
        } while (deliver_some(1));
        EXPECT_TRUE(alive_.empty()) << "a task stalls";
        for (const auto& host : hosts_) {
            host->clear_attentions();
            EXPECT_EQ(host->run(cdb({0, 0, 0, 0, 0, 0})).status, 0) << "something is left behind";
        }
        EXPECT_GT(good_, 0);
    }

private:
    struct Sent {
        Task* task;
        base::Core* core;
        Initiator* from;
    };

    [[nodiscard]] static bool is_ordered(const Task& task) {
        return task.attribute == TaskAttribute::ordered;
    }
    [[nodiscard]] static bool is_head(const Task& task) {
        return task.attribute == TaskAttribute::head_of_queue;
    }

    /// Called when a write begins or ends: what executes beside an ORDERED task?
    void check_alone() const {
        int others = 0;
        bool ordered = false;
        for (const Sent& sent : alive_) {
            if (sent.task->life.stage == detail::Stage::executing && !is_head(*sent.task)) {
                ++others;
                ordered = ordered || is_ordered(*sent.task);
            }
        }
        EXPECT_FALSE(ordered && others > 1) << "an ORDERED task is not alone";
    }

    /// Tasks that come by one core came in a certain order.
    void check_order(const Task& done, const Sent& sent) {
        if (done.was_dropped || done.status != 0 || is_head(done)) {
            return;
        }
        ++good_;
        for (const Sent& older : alive_) {
            if (older.task == &done) {
                return;
            }
            if (older.core == sent.core && !is_head(*older.task) &&
                (is_ordered(done) || is_ordered(*older.task))) {
                ADD_FAILURE() << "overtaken";
            }
        }
    }

    void ended(Task& done) {
        const auto at = std::ranges::find(alive_, &done, &Sent::task);
        check_order(done, *at);
        alive_.erase(at);
    }

    void send(Initiator& host, const ByteVector& command, const ByteVector& out, TaskAttribute attribute) {
        auto task = std::make_unique<Task>();
        task->cdb = scsi::Cdb{command};
        task->attribute = attribute;
        task->expected = {true, static_cast<std::uint32_t>(out.size()), 512};
        task->data_to_send = out;
        Task& made = *task;
        made.on_end = [this](Task& done) { ended(done); };
        alive_.push_back({&made, &host.core(), &host});
        host.data_out_mode =
            scene_.world.below(4) == 0 ? testing::DataOutMode::later : testing::DataOutMode::at_once;
        host.submit(std::move(task));
    }

    /// The data of one in `of` tasks that wait for theirs. False when none does.
    bool deliver_some(std::uint64_t of) {
        std::vector<Sent> waiting;
        std::ranges::copy_if(alive_, std::back_inserter(waiting), [](const Sent& sent) {
            return sent.task->life.stage == detail::Stage::awaiting_data;
        });
        for (const Sent& sent : waiting) {
            const bool still = std::ranges::find(alive_, sent.task, &Sent::task) != alive_.end();
            if (still && sent.task->life.stage == detail::Stage::awaiting_data &&
                scene_.world.below(of) == 0) {
                sent.from->deliver_data(*sent.task);
            }
        }
        return !waiting.empty();
    }

    void write(Initiator& host, TaskAttribute attribute) {
        const auto lba = static_cast<std::uint32_t>(scene_.world.below(64));
        send(host, cdb10(0x2a, lba, 1), filled(512, 1), attribute);
    }

    void abort_any(Initiator& host) {
        for (const Sent& sent : alive_) {
            if (sent.from == &host && scene_.world.below(2) == 0) {
                host.begin(TaskFunction::abort_task, 0, sent.task->tag.value);
                return;
            }
        }
    }

    void fault(Initiator& host) {
        ByteVector beyond = cdb10(0x28, 99999, 1);
        beyond.back() = std::byte{0x04};
        send(host, beyond, {}, TaskAttribute::simple);
    }

    void select(Initiator& host) {
        const auto queue = 0x10U | (static_cast<unsigned>(scene_.world.below(2)) * 2U);
        send(host, cdb({0x15, 0x10, 0, 0, 16, 0}),
             cdb({0, 0, 0, 0, 0x0a, 0x0a, 0, queue, 0, 0, 0, 0, 0, 0, 0, 0}), TaskAttribute::simple);
    }

    void close_and_reopen() {
        const std::size_t which = scene_.world.below(hosts_.size());
        std::unique_ptr<Initiator>& host = hosts_[which];
        host->close();
        closed_.push_back(std::move(host));
        host = scene_.login(which % cores_, true, NexusOrigin::reinstated);
    }

    void act() {
        Initiator& host = *hosts_[scene_.world.below(hosts_.size())];
        switch (scene_.world.below(32)) {
            case 0:
                host.begin(TaskFunction::clear_task_set);
                return;
            case 1:
            case 2:
                return abort_any(host);
            case 3:
                return fault(host);
            case 4:
            case 5:
            case 6:
                host.begin(TaskFunction::clear_aca);
                return;
            case 7:
                return select(host);
            case 8:
                return close_and_reopen();
            case 9:
                host.begin(TaskFunction::logical_unit_reset);
                return;
            case 10:
            case 11:
                return write(host, TaskAttribute::head_of_queue);
            default:
                return write(host,
                             scene_.world.below(3) == 0 ? TaskAttribute::ordered : TaskAttribute::simple);
        }
    }

    Scene scene_;
    std::size_t cores_;
    std::vector<std::unique_ptr<Initiator>> hosts_;
    std::vector<std::unique_ptr<Initiator>> closed_;
    std::vector<Sent> alive_;  ///< in the order in which they were sent
    int good_ = 0;
};

TEST(OrderedInterleaving, OrderedTasksAreAloneAndNobodyOvertakes) {
    for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
        SCOPED_TRACE("seed=" + std::to_string(seed));
        OrderStorm{1 + seed % 3, seed}.run(150);
        if (::testing::Test::HasFailure()) {
            break;
        }
    }
}

}  // namespace
}  // namespace targe::engine
