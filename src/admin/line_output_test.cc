#include "admin/line_output.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <string>

namespace targe::admin {
namespace {

/// Whose writing end blocks, as standard error does.
class Pipe {
public:
    Pipe() { EXPECT_EQ(::pipe2(ends_.data(), O_CLOEXEC), 0); }
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;
    ~Pipe() {
        for (const int end : ends_) {
            ::close(end);
        }
    }
    [[nodiscard]] int writing() const { return ends_[1]; }

    void fill() const {
        const std::string page(4096, '-');
        ::fcntl(writing(), F_SETFL, O_NONBLOCK);
        while (::write(writing(), page.data(), page.size()) > 0) {
        }
        ::fcntl(writing(), F_SETFL, 0);
    }
    /// All that there is.
    [[nodiscard]] std::string take() const {
        std::string all;
        std::array<char, 65536> part{};
        ::fcntl(ends_[0], F_SETFL, O_NONBLOCK);
        for (ssize_t got = 0; (got = ::read(ends_[0], part.data(), part.size())) > 0;) {
            all.append(part.data(), static_cast<std::size_t>(got));
        }
        return all;
    }

private:
    std::array<int, 2> ends_{-1, -1};
};

TEST(LineOutput, WritesLinesAsTheyAre) {
    const Pipe pipe;
    LineOutput output(pipe.writing());
    output.write("one\n");
    output.write("two\n");
    EXPECT_EQ(pipe.take(), "one\ntwo\n");
}

TEST(LineOutput, WaitsForNobodyAndCountsWhatWasLost) {
    const Pipe pipe;
    LineOutput output(pipe.writing());
    pipe.fill();
    output.write("one\n");
    output.write("two\n");
    static_cast<void>(pipe.take());
    output.write("three\n");
    output.write("four\n");
    EXPECT_EQ(pipe.take(), "three (before it 2 lines were lost, because nobody took them)\nfour\n");
}

TEST(LineOutput, CutsLinesThatAPipeMayTakeInPartOnly) {
    const Pipe pipe;
    LineOutput output(pipe.writing());
    output.write(std::string(LineOutput::kLongest - 1, 'a') + "\n");
    EXPECT_EQ(pipe.take(), std::string(LineOutput::kLongest - 1, 'a') + "\n");
    output.write(std::string(LineOutput::kLongest, 'b') + "\n");
    EXPECT_EQ(pipe.take(), std::string(LineOutput::kLongest - 4, 'b') + "...\n");
}

TEST(LineOutput, LivesWithoutSomewhereToWriteTo) {
    LineOutput output(-1);
    output.write("one\n");
}

}  // namespace
}  // namespace targe::admin
