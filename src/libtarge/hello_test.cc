// What a handler says of itself, and what of it is wrong before anybody is asked.
#include "libtarge/fake_targed.h"
#include "libtarge/internal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace targe {
namespace {

using testing::FakeTarged;
using ::testing::HasSubstr;
using testing::SocketFolder;

int fails(void* /*context*/, targe_io* /*io*/) {
    return -EIO;
}

std::string text_of(const char* field, std::size_t size) {
    return {field, std::find(field, field + size, '\0')};
}

class Hello : public ::testing::Test {
protected:
    Hello() {
        blocks_.struct_size = sizeof blocks_;
        blocks_.read = fails;
        commands_.struct_size = sizeof commands_;
        commands_.execute = [](void*, targe_command*) { return int{TARGE_DONE}; };
        how_.struct_size = sizeof how_;
        how_.socket = path_.c_str();
        how_.block_ops = &blocks_;
        how_.command_ops = &commands_;
    }
    /// What targed hears, and attaches.
    targe_hello said() {
        targe_hello heard{};
        std::thread answers([&] {
            heard = targed_.await_hello();
            targed_.answer(targed_.good_welcome(), targed_.descriptors());
        });
        std::array<char, 256> error{};
        targe_device* const device = targe_attach(&how_, 0, error.data(), error.size());
        EXPECT_NE(device, nullptr) << error.data();
        answers.join();
        if (device != nullptr) {
            targe_detach(device);
        }
        return heard;
    }
    /// Why not, where it is wrong.
    [[nodiscard]] std::string refused() const {
        std::array<char, 256> error{};
        EXPECT_EQ(targe_attach(&how_, 0, error.data(), error.size()), nullptr);
        return error.data();
    }

    const SocketFolder folder_;
    const std::string path_ = folder_.socket();
    FakeTarged targed_{folder_};
    targe_block_ops blocks_{};
    targe_command_ops commands_{};
    targe_attachment how_{};
};

TEST_F(Hello, SaysWhatTheHandlerIs) {
    const std::array<std::uint8_t, 3> pages{0xc0, 0xc1, 0xc2};
    const std::vector<targe_command_rule> rules{{1, 2, 1, 4, 5, 6, {}, 7}, {8, 9, 2, 1, 3, 4, {}, 5}};
    const std::string name(sizeof(targe_hello::name) + 1, 'n');  // longer than there is room for
    how_.level = TARGE_COMMANDS;
    how_.depth = 17;
    how_.block_size = 4096;
    how_.size = 81920;
    how_.peripheral_type = 8;
    how_.removable = 1;
    how_.name = name.c_str();
    how_.vendor = "vendor";
    how_.product = "product";
    how_.revision = "rev";
    how_.vpd_pages = pages.data();
    how_.vpd_page_count = pages.size();
    how_.rules = rules.data();
    how_.rule_count = 2;
    const targe_hello hello = said();
    EXPECT_EQ(hello.magic, TARGE_MAGIC);
    EXPECT_EQ(hello.protocol, TARGE_PROTOCOL);
    EXPECT_EQ(hello.level, 1U);
    EXPECT_EQ(hello.depth, 17U);
    EXPECT_EQ(hello.block_size, 4096U);
    EXPECT_EQ(hello.size, 81920U);
    EXPECT_EQ(hello.peripheral_type, 8);
    EXPECT_EQ(hello.removable, 1);
    EXPECT_EQ(text_of(hello.name, sizeof hello.name), name.substr(1));
    EXPECT_EQ(text_of(hello.vendor, sizeof hello.vendor), "vendor");
    EXPECT_EQ(text_of(hello.product, sizeof hello.product), "product");
    EXPECT_EQ(text_of(hello.revision, sizeof hello.revision), "rev");
    EXPECT_EQ(hello.vpd_page_count, pages.size());
    EXPECT_TRUE(std::equal(pages.begin(), pages.end(), hello.vpd_pages));
    ASSERT_EQ(targed_.rules().size(), rules.size());
    for (std::size_t i = 0; i < rules.size(); ++i) {
        EXPECT_EQ(targed_.rules()[i].opcode, rules[i].opcode);
        EXPECT_EQ(targed_.rules()[i].action, rules[i].action);
        EXPECT_EQ(targed_.rules()[i].direction, rules[i].direction);
        EXPECT_EQ(targed_.rules()[i].flags, rules[i].flags);
        EXPECT_EQ(targed_.rules()[i].length_at, rules[i].length_at);
        EXPECT_EQ(targed_.rules()[i].length_bytes, rules[i].length_bytes);
        EXPECT_EQ(targed_.rules()[i].unit, rules[i].unit);
    }
    EXPECT_EQ(hello.can, std::uint32_t{TARGE_HAS_RULES});
}

TEST_F(Hello, SaysWhatTheHandlerCanOneByOne) {
    EXPECT_EQ(said().can, 0U);
    how_.lends = 1;
    void* memory = nullptr;
    how_.memory = targe_make_memory(TARGE_PAGE, &memory);
    EXPECT_EQ(said().can, std::uint32_t{TARGE_LENDS});
    ::munmap(memory, TARGE_PAGE);
    ::close(how_.memory);
    how_.lends = 0;
    struct OfBlocks {
        int (*targe_block_ops::*callback)(void*, targe_io*);
        std::uint32_t can;
    };
    for (const OfBlocks each : {OfBlocks{&targe_block_ops::write, TARGE_CAN_WRITE},
                                OfBlocks{&targe_block_ops::flush, TARGE_CAN_FLUSH},
                                OfBlocks{&targe_block_ops::unmap, TARGE_CAN_UNMAP},
                                OfBlocks{&targe_block_ops::write_zeroes, TARGE_CAN_WRITE_ZEROES},
                                OfBlocks{&targe_block_ops::write_same, TARGE_CAN_WRITE_SAME},
                                OfBlocks{&targe_block_ops::copy, TARGE_CAN_COPY}}) {
        blocks_.*each.callback = fails;
        EXPECT_EQ(said().can, each.can);
        blocks_.*each.callback = nullptr;
    }
    struct Other {
        std::function<void(targe_block_ops&, targe_command_ops&)> has;
        std::uint32_t can;
    };
    const targe_block_ops blocks = blocks_;
    const targe_command_ops commands = commands_;
    const std::vector<Other> others{
        {[](auto& of, auto&) { of.block_status = [](void*, targe_io*, targe_extent*) { return 0; }; },
         TARGE_CAN_BLOCK_STATUS},
        {[](auto& of, auto&) { of.reservations_changed = [](void*, const targe_reservations*) {}; },
         TARGE_WANTS_RESERVATIONS},
        {[](auto&, auto& of) { of.reservations_changed = [](void*, const targe_reservations*) {}; },
         TARGE_WANTS_RESERVATIONS},
        {[](auto&, auto& of) { of.session_attach = [](void*, const targe_session*) { return 0; }; },
         TARGE_WANTS_SESSIONS},
        {[](auto&, auto& of) { of.session_detach = [](void*, std::uint64_t) {}; }, TARGE_WANTS_SESSIONS},
        {[](auto&, auto& of) { of.task_management = [](void*, const targe_task_management*) {}; },
         TARGE_WANTS_MANAGEMENT},
        {[](auto&, auto& of) { of.delivered = [](void*, std::uint64_t, std::uint64_t, int) {}; },
         TARGE_WANTS_DELIVERY},
        {[](auto&, auto& of) { of.goes_on = 1; }, TARGE_MAY_GO_ON},
        {[](auto&, auto& of) { of.remaps = 1; }, TARGE_MAY_REMAP},
    };
    for (const Other& each : others) {
        blocks_ = blocks;
        commands_ = commands;
        each.has(blocks_, commands_);
        EXPECT_EQ(said().can, each.can);
    }
}

// Both sides of each bound.
TEST_F(Hello, IsWrongBeforeAnybodyIsAsked) {
    blocks_.struct_size = sizeof blocks_ + 8;
    EXPECT_THAT(refused(), HasSubstr("built for a newer libtarge"));
    blocks_.struct_size = sizeof blocks_;
    commands_.struct_size = sizeof commands_ + 8;
    EXPECT_THAT(refused(), HasSubstr("built for a newer libtarge"));
    commands_.struct_size = 0;
    EXPECT_THAT(refused(), HasSubstr("struct_size"));
    commands_.struct_size = sizeof commands_;
    blocks_.read = nullptr;
    EXPECT_THAT(refused(), HasSubstr("there is no read of block_ops"));
    blocks_.read = fails;
    how_.level = TARGE_COMMANDS + 1;
    EXPECT_THAT(refused(), HasSubstr("there is no such level"));
    how_.level = TARGE_COMMANDS;
    commands_.execute = nullptr;
    EXPECT_THAT(refused(), HasSubstr("no execute of command_ops"));
    commands_.execute = [](void*, targe_command*) { return int{TARGE_DONE}; };
    how_.socket = nullptr;
    EXPECT_THAT(refused(), HasSubstr("the path of the socket"));
    const std::string too_long(sizeof(sockaddr_un::sun_path), 'x');
    how_.socket = too_long.c_str();
    EXPECT_THAT(refused(), HasSubstr("the path of the socket"));
    how_.socket = too_long.c_str() + 1;
    EXPECT_THAT(refused(), HasSubstr("nobody can be reached"));
}

TEST_F(Hello, HasSoManyPagesAndRules) {
    std::array<std::uint8_t, TARGE_MAX_VPD_PAGES + 1> pages{};
    for (std::size_t i = 0; i < pages.size(); ++i) {
        pages.at(i) = static_cast<std::uint8_t>(0xc0 + i);
    }
    const std::vector<targe_command_rule> rules(TARGE_MAX_RULES + 1);
    how_.level = TARGE_COMMANDS;
    how_.vpd_pages = pages.data();
    how_.rules = rules.data();
    how_.vpd_page_count = TARGE_MAX_VPD_PAGES;
    how_.rule_count = TARGE_MAX_RULES;
    const targe_hello hello = said();
    EXPECT_EQ(hello.vpd_page_count, TARGE_MAX_VPD_PAGES);
    EXPECT_EQ(hello.vpd_pages[TARGE_MAX_VPD_PAGES - 1], pages[TARGE_MAX_VPD_PAGES - 1]);
    EXPECT_EQ(targed_.rules().size(), std::size_t{TARGE_MAX_RULES});
    ++how_.vpd_page_count;
    EXPECT_THAT(refused(), HasSubstr("too many VPD pages"));
    --how_.vpd_page_count;
    ++how_.rule_count;
    EXPECT_THAT(refused(), HasSubstr("too many rules"));
    how_.level = TARGE_BLOCKS;
    how_.rule_count = 1;
    EXPECT_THAT(refused(), HasSubstr("they are not for blocks"));
}

TEST_F(Hello, LendsMemoryThatThereIs) {
    void* memory = nullptr;
    how_.memory = targe_make_memory(TARGE_PAGE, &memory);
    how_.lends = 2;
    EXPECT_THAT(refused(), HasSubstr("the memory that is to be lent"));
    how_.lends = 1;
    how_.level = TARGE_COMMANDS;
    EXPECT_THAT(refused(), HasSubstr("the memory that is to be lent"));
    how_.level = TARGE_BLOCKS;
    ::munmap(memory, TARGE_PAGE);
    ::close(how_.memory);
    how_.memory = -1;
    EXPECT_THAT(refused(), HasSubstr("the memory that is to be lent"));
}

}  // namespace
}  // namespace targe
