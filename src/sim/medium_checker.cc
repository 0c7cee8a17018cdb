// No acknowledged write is lost or undone, as far as initiators can see.
//
// A reference of the medium, made of nothing but requests and answers. For each block it has every write that
// may have got there: when it began, and when it was over at the latest. One that was answered GOOD is sure;
// one that failed, or was never answered, is not. What a READ returns must be of a write that began before
// the READ was over, and that no sure write has replaced: none that began after it was over, and was over
// itself before the READ began. Whatever a READ has returned is sure from then on.
//
// A power cut makes unsure what nobody has promised to be durable: writes with FUA, or to a unit without a
// cache, and what SYNCHRONIZE CACHE was answered for.
#include "sim/checkers.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

namespace targe::sim {

namespace {

constexpr Time kNotOver = Time::max();

class MediumChecker final : public Checker {
public:
    MediumChecker(World& world, bool write_through)
        : Checker("medium", world), write_through_(write_through) {}

    void sent(const Task& task) override {
        if (!task.writes()) {
            return;
        }
        for (std::uint64_t i = 0; i < task.blocks; ++i) {
            Block& block = at(task.lun, task.lba + i);
            block.push_back({.task = task.id, .stamp = task.stamp(i), .began = now()});
        }
    }
    void ended_unanswered(const Task& task) override { over(task, false, false); }
    void answered(const Task& task) override {
        // A COMPARE AND WRITE that found something else has written nothing.
        if (task.kind == Kind::compare_and_write && task.sense >> 16U == kMiscompare) {
            forget(task);
            return;
        }
        const bool through = write_through_ && task.lun == 0;
        over(task, task.good(), task.good() && (task.fua || through));
        if (task.good() && task.kind == Kind::read) {
            check(task);
        }
        if (task.good() && task.kind == Kind::synchronize_cache) {
            make_durable(task);
        }
    }
    void killed(bool power) override {
        for (auto& [where, block] : blocks_) {
            for (Write& write : block) {
                if (power && !write.durable) {
                    write.sure = false;
                }
                if (write.over == kNotOver) {
                    write.over = now();
                }
            }
        }
    }

private:
    static constexpr std::uint32_t kMiscompare = 0xe;
    struct Write {
        std::uint64_t task;
        Stamp stamp;
        Time began;
        Time over = kNotOver;
        bool sure = false;
        bool durable = false;
    };
    using Block = std::vector<Write>;

    Block& at(std::uint16_t lun, std::uint64_t lba) {
        Block& block = blocks_[{lun, lba}];
        if (block.empty()) {
            block.push_back({.task = 0, .stamp = 0, .began = {}, .over = {}, .sure = true, .durable = true});
        }
        return block;
    }
    void forget(const Task& task) {
        for (std::uint64_t i = 0; i < task.blocks; ++i) {
            std::erase_if(at(task.lun, task.lba + i),
                          [&](const Write& each) { return each.task == task.id; });
        }
    }
    void over(const Task& task, bool sure, bool durable) {
        if (!task.writes()) {
            return;
        }
        for (std::uint64_t i = 0; i < task.blocks; ++i) {
            Block& block = at(task.lun, task.lba + i);
            const auto write = std::ranges::find(block, task.id, &Write::task);
            if (write == block.end()) {
                continue;
            }
            write->over = std::min(write->over, now());
            write->sure = write->sure || sure;
            write->durable = write->durable || durable;
        }
    }
    void make_durable(const Task& flush) {
        for (auto& [where, block] : blocks_) {
            for (Write& write : block) {
                if (where.first == flush.lun && write.sure && write.over < flush.sent_at) {
                    write.durable = true;
                }
            }
        }
    }
    /// Whether a sure write has replaced `write` before `when`.
    static bool replaced(const Block& block, const Write& write, Time when) {
        return std::ranges::any_of(block, [&](const Write& other) {
            return other.sure && other.over < when && other.began > write.over;
        });
    }
    static std::string explain(const Block& block, Stamp stamp, Time when) {
        std::string text = "it was never to be there";
        for (const Write& write : block) {
            if (write.stamp != stamp) {
                continue;
            }
            for (const Write& other : block) {
                if (other.sure && other.over < when && other.began > write.over) {
                    text = fmt::format("{:x} has replaced it", other.stamp);
                }
            }
        }
        return text;
    }
    void check(const Task& read) {
        for (std::uint64_t i = 0; i < read.blocks && (i + 1) * kBlockSize <= read.in.size(); ++i) {
            const std::span block = std::span{read.in}.subspan(i * kBlockSize, kBlockSize);
            if (is_whole(block)) {
                check(read, read.lba + i, word(block, 0));
                continue;
            }
            // Lent by the device, and altered while it was sent. A word alone may be cut in the middle.
            for (std::size_t w = 1; w < kWordsPerBlock; ++w) {
                if (word(block, w) == word(block, w - 1)) {
                    check(read, read.lba + i, word(block, w));
                }
            }
        }
    }
    void check(const Task& read, std::uint64_t lba, Stamp stamp) {
        Block& block = at(read.lun, lba);
        Write* seen = nullptr;
        for (Write& write : block) {
            if (write.stamp == stamp && write.began < now() && !replaced(block, write, read.sent_at)) {
                seen = &write;
            }
        }
        if (seen == nullptr) {
            fail(fmt::format("{} finds {:x} in block {}: {}", describe(read), stamp, lba,
                             explain(block, stamp, read.sent_at)));
            return;
        }
        // Zeroes may be of anybody who unmapped.
        if (stamp != 0) {
            seen->sure = true;
            seen->over = std::min(seen->over, now());
        }
    }

    bool write_through_;  ///< lun 0
    std::map<std::pair<std::uint16_t, std::uint64_t>, Block> blocks_;
};

}  // namespace

std::unique_ptr<Checker> make_medium_checker(World& world, const Plan& plan) {
    return std::make_unique<MediumChecker>(world, plan.write_through);
}

}  // namespace targe::sim
