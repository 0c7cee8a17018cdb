// What is owed to a store, while it is written and after it.
#include "device/write_back.h"

#include "device/testing_device.h"

#include <fcntl.h>
#include <gtest/gtest.h>

namespace targe::device {
namespace {

class Owed : public ::testing::Test, private FlushedStore {
protected:
    base::Task<bool> still_there(base::CommandArena& /*arena*/) override { co_return there_; }
    int sync() {
        return on_.run([this](base::CommandArena& arena) { return write_back_.sync(arena); });
    }
    /// Whether something was owed: what is owed to a store that another takes the place of is lost.
    bool was_owed() {
        write_back_.moved();
        return write_back_.forgive();
    }

    const testing::ScratchDirectory directory_;
    const reactor::FileDescriptor fd_{
        ::open((directory_ / "store").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
    testing::OnReactor on_;
    bool there_ = true;
    WriteBack write_back_{*this, fd_.get(), WriteBack::Retry::in_vain};
};

TEST_F(Owed, IsNothingAtFirstAndWhatWasWrittenUntilItIsSynced) {
    EXPECT_FALSE(was_owed());
    {
        const WriteBack::Owing write(write_back_);
    }
    EXPECT_TRUE(was_owed());
    {
        const WriteBack::Owing write(write_back_);
    }
    EXPECT_EQ(sync(), 0);
    EXPECT_FALSE(was_owed());
}

TEST_F(Owed, IsAWriteWhileItIsUnderWay) {
    const WriteBack::Owing write(write_back_);
    EXPECT_TRUE(was_owed()) << "what it has written may be lost already";
}

TEST_F(Owed, IsAWriteThatHasEndedSinceWhatWasSyncedWasBegun) {
    {
        const WriteBack::Owing write(write_back_);
        EXPECT_EQ(sync(), 0);
    }
    EXPECT_TRUE(was_owed()) << "all of it was not synced";
}

TEST_F(Owed, IsWhatWasSyncedToAFileThatIsGone) {
    {
        const WriteBack::Owing write(write_back_);
    }
    there_ = false;
    EXPECT_EQ(sync(), ESTALE);
    EXPECT_TRUE(was_owed());
    EXPECT_EQ(sync(), ESTALE);
    EXPECT_FALSE(was_owed()) << "nothing was written";
}

}  // namespace
}  // namespace targe::device
