// A drive beside the simplest tape there is, a list of objects: random commands must end alike, data, sense
// data, residue and position.
#include "vtl/testing_drive.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace targe::vtl {
namespace {

using testing::Answer;
using testing::Bytes;
using testing::bytes_of;
using testing::DriveTest;
using testing::Object;
using testing::text;

/// How a command ends: as text() has it, and with what.
struct Ending {
    std::string how = "GOOD";
    std::optional<std::int64_t> information = {};
    Bytes data = {};
    bool operator==(const Ending&) const = default;
};

/// [SSC-5], said as shortly as it can be.
class Model {
public:
    std::vector<Object> tape;
    std::size_t at = 0;
    std::size_t block_length = 0;

    void write(Object object) {
        tape.resize(at);
        tape.push_back(std::move(object));
        ++at;
    }
    Ending read(std::size_t length, bool fixed, bool sili) {
        Ending ending;
        const auto blocks = static_cast<std::int64_t>(fixed ? length : std::min<std::size_t>(length, 1));
        for (std::int64_t left = blocks; left > 0; --left) {
            const std::int64_t residue = fixed ? left : static_cast<std::int64_t>(length);
            if (at == tape.size()) {
                return {"8/0005", residue, ending.data};
            }
            const Object& object = tape[at++];
            if (!object) {
                return {"0/0001", residue, ending.data};
            }
            if (fixed && object->size() != block_length) {
                return {"0/0000", residue, ending.data};
            }
            const std::size_t size = fixed ? block_length : std::min(length, object->size());
            ending.data.insert(ending.data.end(), object->begin(),
                               object->begin() + static_cast<std::ptrdiff_t>(size));
            if (!fixed && object->size() != length &&
                !(sili && (object->size() < length || block_length == 0))) {
                return {"0/0000", residue - static_cast<std::int64_t>(object->size()), ending.data};
            }
        }
        return ending;
    }
    Ending read_reverse(std::size_t length, bool fixed) {
        Ending ending;
        const auto blocks = static_cast<std::int64_t>(fixed ? length : std::min<std::size_t>(length, 1));
        for (std::int64_t left = blocks; left > 0; --left) {
            const std::int64_t residue = fixed ? left : static_cast<std::int64_t>(length);
            if (at == 0) {
                return {"0/0004", residue, ending.data};
            }
            const Object& object = tape[--at];
            if (!object) {
                return {"0/0001", residue, ending.data};
            }
            if (fixed && object->size() != block_length) {
                return {"0/0000", residue, ending.data};
            }
            const std::size_t size = fixed ? block_length : std::min(length, object->size());
            ending.data.insert(ending.data.end(), object->begin(),
                               object->begin() + static_cast<std::ptrdiff_t>(size));
            if (!fixed && object->size() != length) {
                return {"0/0000", residue - static_cast<std::int64_t>(object->size()), ending.data};
            }
        }
        return ending;
    }
    Ending space_blocks(std::int64_t count) {
        for (; count > 0; --count) {
            if (at == tape.size()) {
                return {"8/0005", count};
            }
            if (!tape[at++]) {
                return {"0/0001", count};
            }
        }
        for (; count < 0; ++count) {
            if (at == 0) {
                return {"0/0004", -count};
            }
            if (!tape[--at]) {
                return {"0/0001", -count};
            }
        }
        return {};
    }
    Ending space_filemarks(std::int64_t count) {
        while (count > 0) {
            if (at == tape.size()) {
                return {"8/0005", count};
            }
            count -= tape[at++] ? 0 : 1;
        }
        while (count < 0) {
            if (at == 0) {
                return {"0/0004", -count};
            }
            count += tape[--at] ? 0 : 1;
        }
        return {};
    }
    Ending space_sequential(std::int64_t count) {
        for (std::int64_t run = 0; run < count;) {
            if (at == tape.size()) {
                return {"8/0005"};
            }
            run = tape[at++] ? 0 : run + 1;
        }
        for (std::int64_t run = 0; run < -count;) {
            if (at == 0) {
                return {"0/0004"};
            }
            run = tape[--at] ? 0 : run + 1;
        }
        return {};
    }
    Ending locate(std::size_t object) {
        at = std::min(object, tape.size());
        return object > tape.size() ? Ending{"8/0005"} : Ending{};
    }
    Ending locate_file(std::uint64_t file) {
        at = 0;
        return file == 0 ? Ending{} : Ending{space_filemarks(static_cast<std::int64_t>(file)).how};
    }
    [[nodiscard]] std::uint64_t filemarks() const {
        return static_cast<std::uint64_t>(
            std::count(tape.begin(), tape.begin() + static_cast<std::ptrdiff_t>(at), Object{}));
    }
};

class DriveAsModel : public DriveTest {
protected:
    static Bytes number(std::uint64_t value, unsigned bytes) {
        Bytes made;
        for (unsigned i = bytes; i-- > 0;) {
            made.push_back(static_cast<std::byte>(value >> (8U * i)));
        }
        return made;
    }
    Answer six(unsigned opcode, unsigned flags, std::int64_t value, Bytes data_out = {}) {
        Bytes cdb = bytes_of({opcode, flags});
        testing::append(cdb, number(static_cast<std::uint64_t>(value), 3));
        cdb.push_back(std::byte{0});
        return testing::send(drive_, cdb, std::move(data_out), 1U << 17U);
    }
    Answer locate_16(unsigned destination, std::uint64_t identifier) {
        Bytes cdb = bytes_of({0x92, destination << 3U, 0, 0});
        testing::append(cdb, number(identifier, 8));
        cdb.resize(16);
        return testing::send(drive_, cdb);
    }
    std::size_t below(std::size_t most) { return static_cast<std::size_t>(random_() % most); }
    [[nodiscard]] std::int64_t some_count() {
        const auto most = static_cast<std::int64_t>(random_() % 4 == 0 ? model_.tape.size() + 3 : 4);
        return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(2 * most + 1)) - most;
    }
    static Ending ended(const Answer& answer) {
        return {text(answer), answer.sense ? answer.sense->information : std::nullopt, answer.data};
    }
    void write_something() {
        if (model_.block_length != 0 && random_() % 2 == 0) {
            const std::size_t blocks = 1 + below(5);
            const Bytes all = testing::some_bytes(random_, blocks * model_.block_length);
            ASSERT_TRUE(six(0x0a, 1, static_cast<std::int64_t>(blocks), all).good());
            for (std::size_t i = 0; i < blocks; ++i) {
                const auto begin = all.begin() + static_cast<std::ptrdiff_t>(i * model_.block_length);
                model_.write(Bytes(begin, begin + static_cast<std::ptrdiff_t>(model_.block_length)));
            }
            return;
        }
        const Bytes block = testing::some_bytes(random_, 1 + below(random_() % 8 == 0 ? 20'000 : 60));
        ASSERT_TRUE(six(0x0a, 0, static_cast<std::int64_t>(block.size()), block).good());
        model_.write(block);
    }
    void mark() {
        const std::size_t count = below(4);
        ASSERT_TRUE(six(0x10, 0, static_cast<std::int64_t>(count)).good());
        for (std::size_t i = 0; i < count; ++i) {
            model_.write({});
        }
    }
    void read_something() {
        const bool fixed = model_.block_length != 0 && random_() % 2 == 0;
        const bool sili = !fixed && random_() % 2 == 0;
        const std::size_t length = fixed ? below(6) : below(80);
        const auto flags = (fixed ? 1U : 0U) | (sili ? 2U : 0U);
        if (random_() % 3 == 0 && !sili) {
            ASSERT_EQ(ended(six(0x0f, flags | 4U, static_cast<std::int64_t>(length))),
                      model_.read_reverse(length, fixed));
            return;
        }
        if (random_() % 4 == 0) {
            Ending wanted = model_.read(length, fixed, false);
            wanted.data.clear();
            ASSERT_EQ(ended(six(0x13, fixed ? 1 : 0, static_cast<std::int64_t>(length))), wanted) << "VERIFY";
            return;
        }
        ASSERT_EQ(ended(six(0x08, flags, static_cast<std::int64_t>(length))),
                  model_.read(length, fixed, sili));
    }
    void move() {
        const std::int64_t count = some_count();
        switch (random_() % 7) {
            case 0:
                ASSERT_EQ(ended(six(0x11, 0, count)), model_.space_blocks(count)) << count;
                break;
            case 1:
                ASSERT_EQ(ended(six(0x11, 1, count)), model_.space_filemarks(count)) << count;
                break;
            case 2:
                ASSERT_EQ(text(six(0x11, 2, count)), model_.space_sequential(count).how) << count;
                break;
            case 3:
                ASSERT_TRUE(six(0x11, 3, 0).good());
                model_.at = model_.tape.size();
                break;
            case 4: {
                const std::size_t object = below(model_.tape.size() + 3);
                ASSERT_EQ(ended(locate_16(0, object)), model_.locate(object));
                break;
            }
            case 5: {
                const std::uint64_t file = random_() % 9;
                ASSERT_EQ(ended(locate_16(1, file)), model_.locate_file(file));
                break;
            }
            default:
                ASSERT_TRUE(rewind().good());
                model_.at = 0;
                break;
        }
    }
    void set_something() {
        switch (random_() % 4) {
            case 0:
                model_.block_length = random_() % 2 == 0 ? 0 : 32;
                ASSERT_TRUE(set_block_length(static_cast<unsigned>(model_.block_length)).good());
                break;
            case 1:  // DCE
                ASSERT_TRUE(run({0x15, 0x10, 0, 0, 20, 0},
                                bytes_of({0,    0,    0x10, 0, 0x0f, 14, random_() % 2 == 0 ? 0xc0U : 0x40U,
                                          0x80, 0,    0,    0, 0xff, 0,  0,
                                          0,    0xff, 0,    0, 0,    0}))
                                .good());
                break;
            case 2:
                ASSERT_TRUE(six(0x19, 0, 0).good());
                model_.tape.resize(model_.at);
                break;
            default:
                ASSERT_TRUE(run({0x1b, 0, 0, 0, 0, 0}).good());
                ASSERT_TRUE(run({0x1b, 0, 0, 0, 1, 0}).good());
                model_.at = 0;
                break;
        }
    }

    std::mt19937_64 random_;
    Model model_;
};

TEST_F(DriveAsModel, EndsEveryCommandAlike) {
    for (std::uint64_t seed = 1; seed <= 60; ++seed) {
        random_.seed(seed);
        model_ = {};
        Label small = label();
        small.segment_bytes = 1000 + random_() % 20'000;
        insert(small);
        ASSERT_TRUE(set_block_length(0).good());
        for (int step = 0; step < 300; ++step) {
            SCOPED_TRACE("seed=" + std::to_string(seed) + " step " + std::to_string(step));
            const auto what = random_() % 100;
            if (what < 30 && (model_.at == model_.tape.size() || random_() % 6 == 0)) {
                write_something();
            } else if (what < 40 && (model_.at == model_.tape.size() || random_() % 6 == 0)) {
                mark();
            } else if (what < 70) {
                read_something();
            } else if (what < 96) {
                move();
            } else {
                set_something();
            }
            if (HasFatalFailure()) {
                return;
            }
            ASSERT_EQ(position(), std::pair(std::uint64_t{model_.at}, model_.filemarks()));
        }
    }
}

}  // namespace
}  // namespace targe::vtl
