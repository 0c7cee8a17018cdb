#include "reactor/page_pipes.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <random>
#include <string>
#include <vector>

namespace targe::reactor {
namespace {

constexpr std::size_t kSize = std::size_t{3} << 20U;

class PagePipesTest : public ::testing::Test {
protected:
    PagePipesTest() {
        std::mt19937 random(5);
        for (char& c : content_) {
            c = static_cast<char>(random());
        }
        EXPECT_EQ(::write(file_.get(), content_.data(), content_.size()), ssize_t{kSize});
    }
    [[nodiscard]] std::optional<base::Pages> lend(std::uint64_t offset, std::size_t size) {
        return pipes_.lend(file_.get(), offset, size);
    }
    /// What is in the pipe, taken out.
    [[nodiscard]] static std::string read(const base::Piped& piped, std::size_t limit = kSize) {
        std::string all(std::min(limit, piped.size), ' ');
        for (std::size_t at = 0; at < all.size();) {
            const ssize_t got = ::read(piped.pipe, all.data() + at, all.size() - at);
            if (got <= 0) {
                ADD_FAILURE() << "the pipe has only " << at << " bytes";
                return {};
            }
            at += static_cast<std::size_t>(got);
        }
        return all;
    }

    std::string content_ = std::string(kSize, ' ');
    FileDescriptor file_{::memfd_create("pages", MFD_CLOEXEC)};
    PagePipes pipes_;
};

TEST_F(PagePipesTest, HoldWhatTheFileHasAndAreUsedAgain) {
    for (const auto& [offset, size] :
         {std::pair{0UL, 65536UL}, {512UL, 1000UL}, {kSize - 7, 7UL}, {4608UL, 1044480UL}}) {
        const auto pages = lend(offset, size);
        ASSERT_TRUE(pages) << offset;
        EXPECT_EQ(pages->piped().size, size);
        EXPECT_TRUE(read(pages->piped()) == content_.substr(offset, size)) << offset;
    }
    EXPECT_EQ(pipes_.count(), 1U);
    EXPECT_EQ(pipes_.loans(), 0U);
}

TEST_F(PagePipesTest, GiveUpWhatNobodyHasTaken) {
    {
        const auto pages = lend(0, 65536);
        ASSERT_TRUE(pages);
        EXPECT_EQ(read(pages->piped(), 100), content_.substr(0, 100));
        EXPECT_EQ(pipes_.loans(), 1U);
    }
    EXPECT_EQ(pipes_.count(), 0U);
    const auto next = lend(65536, 65536);
    ASSERT_TRUE(next);
    EXPECT_TRUE(read(next->piped()) == content_.substr(65536, 65536));
}

TEST_F(PagePipesTest, LendNothingThatIsNotAllThere) {
    EXPECT_FALSE(lend(kSize - 4096, 8192)) << "the file ends in the middle";
    EXPECT_FALSE(lend(kSize, 4096));
    EXPECT_FALSE(lend(0, (std::size_t{1} << 20U) + 1)) << "more than a pipe has room for";
    EXPECT_FALSE(lend(2048, std::size_t{1} << 20U)) << "a page more than a pipe has room for";
    EXPECT_EQ(pipes_.loans(), 0U);
    EXPECT_TRUE(lend(0, 4096));
}

TEST_F(PagePipesTest, AreNoMoreThanTheyMayBe) {
    std::vector<base::Pages> loans;
    for (std::size_t i = 0; i < PagePipes::kMost; ++i) {
        auto pages = lend(i * 4096, 4096);
        ASSERT_TRUE(pages) << i;
        loans.push_back(*std::move(pages));
    }
    EXPECT_FALSE(lend(0, 4096));
    // Each is another one's.
    for (std::size_t i = loans.size(); i-- > 0;) {
        EXPECT_TRUE(read(loans[i].piped()) == content_.substr(i * 4096, 4096)) << i;
    }
    loans.erase(loans.begin() + 20);
    const auto again = lend(0, 4096);
    EXPECT_TRUE(again);
    EXPECT_EQ(pipes_.count(), PagePipes::kMost);
}

}  // namespace
}  // namespace targe::reactor
