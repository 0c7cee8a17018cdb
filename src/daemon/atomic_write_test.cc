// WRITE ATOMIC and the power: whatever the step at which it goes, all of the write is found or nothing of it.
#include "admin/crashing_files.h"
#include "admin/state_directory.h"
#include "engine/testing/scene.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace targe::daemon {
namespace {

using engine::Kept;
using engine::testing::ByteVector;
using engine::testing::cdb10;
using engine::testing::cdb16;
using engine::testing::filled;
using engine::testing::Scene;
using engine::testing::SimDevice;

constexpr std::uint64_t kLba = 8;
constexpr std::uint64_t kBlocks = 16;
constexpr std::size_t kBytes = kBlocks * 512;
constexpr unsigned kBefore = 1;
constexpr unsigned kAfter = 2;

/// The unit's store, as the daemon has it but for the thread that it works on; the disk loses its power
/// together with the files.
class PoweredStore final : public engine::UnitStore {
public:
    PoweredStore(admin::StateDirectory& directory, admin::CrashingFiles& files)
        : directory_(directory), files_(files) {}

    [[nodiscard]] std::optional<std::string> kept(Kept what) const override {
        auto found = directory_.load(name_of(what));
        EXPECT_TRUE(found);
        return found ? *found : std::nullopt;
    }
    base::Task<bool> keep(base::CommandArena& /*arena*/, Kept what, std::string content) override {
        const bool stored = directory_.store(name_of(what), content).has_value();
        if (files_.is_cut()) {
            disk->fails = device::IoError::gone;
        }
        co_return stored;
    }

    SimDevice* disk = nullptr;

private:
    static std::string name_of(Kept what) { return "unit.disk0." + std::to_string(static_cast<int>(what)); }

    admin::StateDirectory& directory_;
    admin::CrashingFiles& files_;
};

/// The process and its host, from one start to the next. The medium is handed on.
class Powered {
public:
    Powered(admin::CrashingFiles& files, const std::vector<ByteVector>& medium)
        : directory_(open(files)),
          store_(std::make_shared<PoweredStore>(directory_, files)),
          scene_({.cores = 2, .store = store_}) {
        store_->disk = scene_.disk;
        for (std::uint64_t i = 0; i < medium.size(); ++i) {
            std::ranges::copy(medium[i], scene_.disk->block(i).begin());
        }
        scene_.world.run();
        host_ = scene_.login(1);
    }
    ~Powered() {
        scene_.unit->stop();
        scene_.world.advance(std::chrono::seconds{1});
    }
    Powered(const Powered&) = delete;
    Powered& operator=(const Powered&) = delete;

    [[nodiscard]] std::vector<ByteVector> medium() {
        std::vector<ByteVector> blocks;
        for (std::uint64_t i = 0; i < 64; ++i) {
            const auto block = scene_.disk->block(i);
            blocks.emplace_back(block.begin(), block.end());
        }
        return blocks;
    }
    bool write_atomic(unsigned value) {
        return host_->run(cdb16(0x9c, kLba, kBlocks), 0, filled(kBytes, value)).status == 0;
    }
    bool write(unsigned value) {
        return host_->run(cdb10(0x2a, kLba, kBlocks), 0, filled(kBytes, value)).status == 0;
    }
    ByteVector read() { return host_->run(cdb10(0x28, kLba, kBlocks), kBytes).data_received; }
    [[nodiscard]] SimDevice& disk() { return *scene_.disk; }

private:
    static admin::StateDirectory open(admin::CrashingFiles& files) {
        auto opened = admin::StateDirectory::open("/state", files);
        EXPECT_TRUE(opened);
        return std::move(*opened);
    }

    admin::StateDirectory directory_;
    std::shared_ptr<PoweredStore> store_;
    Scene scene_;
    std::unique_ptr<engine::testing::Initiator> host_;
};

/// What is found after the cut, and again after everything was written anew; counts the writes that the next
/// start has brought to their end.
void check_after(admin::CrashingFiles& files, std::vector<ByteVector> medium, bool answered,
                 std::size_t& finished_later) {
    files.restart();
    {
        Powered again(files, medium);
        const ByteVector found = again.read();
        const bool is_new = found == filled(kBytes, kAfter);
        ASSERT_TRUE(is_new || (!answered && found == filled(kBytes, kBefore)));
        finished_later += is_new && !answered ? 1 : 0;
        ASSERT_TRUE(again.write(7));
        medium = again.medium();
    }
    Powered last(files, medium);
    ASSERT_EQ(last.read(), filled(kBytes, 7)) << "what is kept was forgotten";
}

std::vector<ByteVector> blank() {
    std::vector<ByteVector> medium(64, filled(512, 0));
    std::fill_n(medium.begin() + kLba, kBlocks, filled(512, kBefore));
    return medium;
}

TEST(AtomicWrite, IsFoundWholeOrNotAtAllWhereverTheStateDirectoryLosesPower) {
    std::size_t answers = 0;
    std::size_t finished_later = 0;
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
        for (std::size_t step = 0; step < 14; ++step) {
            SCOPED_TRACE(::testing::Message() << "seed=" << seed << " step=" << step);
            admin::CrashingFiles files{seed};
            bool answered = false;
            std::vector<ByteVector> medium;
            {
                Powered run(files, blank());
                files.cut_after(step);
                answered = run.write_atomic(kAfter);
                medium = run.medium();
            }
            answers += answered ? 1 : 0;
            check_after(files, std::move(medium), answered, finished_later);
            if (HasFatalFailure()) {
                return;
            }
        }
    }
    EXPECT_GT(answers, 0U) << "the last steps come when all is written";
    EXPECT_GT(finished_later, 0U) << "kept, and not written";
}

TEST(AtomicWrite, IsFoundWholeOrNotAtAllWhereverTheDiskLosesPower) {
    std::size_t finished_later = 0;
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
        for (std::size_t bytes = 0; bytes <= kBytes; bytes += 512) {
            SCOPED_TRACE(::testing::Message() << "seed=" << seed << " bytes=" << bytes);
            admin::CrashingFiles files{seed};
            std::vector<ByteVector> medium;
            {
                Powered run(files, blank());
                run.disk().on_write = [&run, &files, bytes, calls = 0]() mutable {
                    ++calls;
                    if (calls == 1) {
                        files.cut_after(0);
                        run.disk().fails = device::IoError::gone;
                    }
                    run.disk().torn_bytes = calls <= 2 ? bytes : 0;  // its beginning and its end; no other
                };
                ASSERT_FALSE(run.write_atomic(kAfter));
                medium = run.medium();
            }
            check_after(files, std::move(medium), false, finished_later);
            if (HasFatalFailure()) {
                return;
            }
        }
    }
    EXPECT_EQ(finished_later, 40U * (kBlocks + 1)) << "each was kept before it was begun";
}

}  // namespace
}  // namespace targe::daemon
