// Every unit attention that the engine raises: who is told, how often, and what takes it away.
#include "engine/testing/memory_store.h"
#include "engine/testing/persistent_reserve.h"
#include "engine/testing/scene.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

namespace targe::engine {
namespace {

using testing::ByteVector;
using testing::cdb;
using testing::cdb10;
using testing::filled;
using testing::Initiator;
using testing::reserve_out;
using testing::Scene;
using testing::Task;

/// Three nexuses on two cores; the first does what raises the condition.
struct Bench {
    Scene scene{{.cores = 2,
                 .removable = true,
                 .task_set_type = scsi::TaskSetType::shared,
                 .asymmetric = true,
                 .store = std::make_shared<testing::MemoryStore>()}};
    std::array<std::unique_ptr<Initiator>, 3> hosts{scene.login(0), scene.login(0), scene.login(1)};

    [[nodiscard]] Initiator& actor() { return *hosts[0]; }
    void good(const ByteVector& command, const ByteVector& out = {}) {
        EXPECT_EQ(actor().run(command, 0, out).status, 0);
    }
    void register_all() {
        for (std::size_t i = 0; i < hosts.size(); ++i) {
            EXPECT_EQ(reserve_out(*hosts[i], testing::kRegister, 0, i == 0 ? 1 : 2).status, 0);
        }
    }
};

/// Whom a condition concerns.
enum class Audience : std::uint8_t { everybody, others, actor };

struct Row {
    const char* name;
    std::uint32_t code;
    Audience audience;
    void (*raise)(Bench&);
    bool report_luns_takes_it = false;
};

ByteVector control_page(unsigned interlock) {
    return cdb({0, 0, 0, 0, 0x0a, 0x0a, 0, 0x10, interlock, 0, 0, 0, 0, 0, 0, 0});
}

void replace_lun_map(Bench& bench, std::uint16_t lun) {
    LunMaps maps = bench.scene.target->latest_maps();
    std::erase_if(maps.luns, [lun](const LunEntry& entry) { return entry.lun == lun; });
    maps.luns.push_back({.lun = lun, .unit = bench.scene.add_unit("another")});
    bench.scene.target->set_maps(std::make_shared<const LunMaps>(maps));
    bench.scene.world.run();
}

const Row kRows[] = {
    {"BUS DEVICE RESET FUNCTION OCCURRED", 0x062903, Audience::everybody,
     [](Bench& b) { b.actor().manage(TaskFunction::logical_unit_reset); }},
    {"I_T NEXUS LOSS OCCURRED", 0x062907, Audience::actor,
     [](Bench& b) { b.actor().manage(TaskFunction::i_t_nexus_reset); }},
    {"NOT READY TO READY CHANGE, MEDIUM MAY HAVE CHANGED", 0x062800, Audience::others,
     [](Bench& b) {
         b.good(cdb({0x1b, 0, 0, 0, 0x02, 0}));
         b.good(cdb({0x1b, 0, 0, 0, 0x03, 0}));
     }},
    {"MODE PARAMETERS CHANGED", 0x062a01, Audience::others,
     [](Bench& b) { b.good(cdb({0x15, 0x10, 0, 0, 16, 0}), control_page(0x08)); }},
    {"MODE PARAMETERS CHANGED, of a LUN that may be read only from now on", 0x062a01, Audience::everybody,
     [](Bench& b) {
         LunMaps maps = b.scene.target->latest_maps();
         maps.luns.at(0).read_only = true;
         b.scene.target->set_maps(std::make_shared<const LunMaps>(maps));
         b.scene.world.run();
     }},
    {"LOG PARAMETERS CHANGED", 0x062a02, Audience::others,
     [](Bench& b) { b.good(cdb({0x4c, 0x02, 0x40, 0, 0, 0, 0, 0, 0, 0})); }},
    {"RESERVATIONS PREEMPTED", 0x062a03, Audience::others,
     [](Bench& b) {
         b.register_all();
         EXPECT_EQ(reserve_out(b.actor(), testing::kClear, 1).status, 0);
     }},
    {"RESERVATIONS RELEASED", 0x062a04, Audience::others,
     [](Bench& b) {
         constexpr unsigned kType = testing::kWriteExclusiveRegistrantsOnly;
         b.register_all();
         EXPECT_EQ(reserve_out(b.actor(), testing::kReserve, 1, 0, kType).status, 0);
         EXPECT_EQ(reserve_out(b.actor(), testing::kRelease, 1, 0, kType).status, 0);
     }},
    {"REGISTRATIONS PREEMPTED", 0x062a05, Audience::others,
     [](Bench& b) {
         b.register_all();
         EXPECT_EQ(reserve_out(b.actor(), testing::kPreempt, 1, 2).status, 0);
     }},
    {"ASYMMETRIC ACCESS STATE CHANGED", 0x062a06, Audience::others,
     [](Bench& b) {
         b.good(cdb({0xa4, 0x0a, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0}), cdb({0, 0, 0, 0, 1, 0, 0, 1}));
     }},
    {"CAPACITY DATA HAS CHANGED", 0x062a09, Audience::everybody,
     [](Bench& b) {
         b.scene.disk->resize(4096);
         b.scene.unit->refresh({});
         b.scene.world.run();
     }},
    {"TIMESTAMP CHANGED", 0x062a10, Audience::others,
     [](Bench& b) {
         b.good(cdb({0xa4, 0x0f, 0, 0, 0, 0, 0, 0, 0, 12, 0, 0}), cdb({0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0}));
     }},
    {"COMMANDS CLEARED BY ANOTHER INITIATOR", 0x062f00, Audience::others,
     [](Bench& b) {
         for (const auto& host : b.hosts) {
             host->data_out_mode = testing::DataOutMode::later;
             host->send(cdb10(0x2a, 0, 1), 0, filled(512, 1));
             host->send(cdb10(0x2a, 1, 1), 0, filled(512, 1));
             host->data_out_mode = testing::DataOutMode::at_once;
         }
         b.actor().manage(TaskFunction::clear_task_set);
         b.scene.world.run();
     }},
    {"INQUIRY DATA HAS CHANGED, by the administrator", 0x063f03, Audience::everybody,
     [](Bench& b) {
         scsi::UnitIdentity renamed;
         renamed.serial = "new";
         b.scene.unit->rename(renamed);
         b.scene.world.run();
     }},
    {"DEVICE IDENTIFIER CHANGED", 0x063f05, Audience::others,
     [](Bench& b) { b.good(cdb({0xa4, 6, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0}), cdb({'n', 'a', 'm', 'e'})); }},
    {"REPORTED LUNS DATA HAS CHANGED", 0x063f0e, Audience::everybody, [](Bench& b) { replace_lun_map(b, 1); },
     true},
};

bool is_told(const Row& row, std::size_t host) {
    return row.audience == Audience::everybody || (host == 0) == (row.audience == Audience::actor);
}

/// What a unit attention becomes when `take` happened to each nexus; 0: nothing waits.
void expect_each(const Row& row, std::uint32_t left, void (*take)(Initiator&)) {
    Bench bench;
    row.raise(bench);
    for (std::size_t i = 0; i < bench.hosts.size(); ++i) {
        SCOPED_TRACE("nexus " + std::to_string(i));
        Initiator& host = *bench.hosts[i];
        take(host);
        EXPECT_EQ(host.next_attention(), is_told(row, i) ? left : 0U);
        EXPECT_EQ(host.next_attention(), 0U) << "once";
    }
}

TEST(UnitAttentions, AreToldOnceToExactlyTheirAudience) {
    for (const Row& row : kRows) {
        SCOPED_TRACE(row.name);
        expect_each(row, row.code, [](Initiator&) {});
    }
}

TEST(UnitAttentions, AreNotTakenByInquiry) {
    for (const Row& row : kRows) {
        SCOPED_TRACE(row.name);
        expect_each(row, row.code,
                    [](Initiator& host) { EXPECT_EQ(host.run(cdb({0x12, 0, 0, 0, 36, 0}), 36).status, 0); });
    }
}

TEST(UnitAttentions, AreTakenByReportLunsWhereItSaysThemselves) {
    for (const Row& row : kRows) {
        SCOPED_TRACE(row.name);
        expect_each(row, row.report_luns_takes_it ? 0 : row.code, [](Initiator& host) {
            EXPECT_EQ(host.run(cdb({0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 64, 0, 0}), 64).status, 0);
        });
    }
}

TEST(UnitAttentions, AreTakenByRequestSense) {
    for (const Row& row : kRows) {
        SCOPED_TRACE(row.name);
        expect_each(row, 0, [](Initiator& host) {
            EXPECT_EQ(host.run(cdb({0x03, 0, 0, 0, 252, 0}), 252).status, 0);
        });
    }
}

TEST(UnitAttentions, AreToldAgainFirstWhenTheirStatusWasLost) {
    for (const Row& row : kRows) {
        SCOPED_TRACE(row.name);
        expect_each(row, row.code, [](Initiator& host) {
            host.delivery = Delivery::failed;
            host.next_attention();
            host.delivery = Delivery::delivered;
        });
    }
}

TEST(UnitAttentions, WaitInTheOrderInWhichTheyCame) {
    Bench bench;
    Initiator& told = *bench.hosts[2];
    bench.good(cdb({0x15, 0x10, 0, 0, 16, 0}), control_page(0x08));
    bench.scene.disk->resize(4096);
    bench.scene.unit->refresh({});
    bench.scene.world.run();
    bench.actor().clear_attentions();
    bench.good(cdb({0x15, 0x10, 0, 0, 16, 0}), control_page(0));  // the same again, which waits already
    bench.actor().manage(TaskFunction::logical_unit_reset);
    bench.scene.world.run();
    for (const std::uint32_t code : {0x062a01U, 0x062a09U, 0x062903U, 0U}) {
        EXPECT_EQ(told.next_attention(), code) << "a reset flushes none";
    }
}

TEST(UnitAttentions, OfTheInventoryAreToldOnceForAllUnits) {
    Bench bench;
    replace_lun_map(bench, 1);
    for (const auto& host : bench.hosts) {
        EXPECT_EQ(host->next_attention(1), 0x062900U) << "the unit is new to the nexus";
        EXPECT_EQ(host->next_attention(1), 0x063f0eU);
        EXPECT_EQ(host->next_attention(0), 0U);
    }
    replace_lun_map(bench, 1);
    replace_lun_map(bench, 2);
    for (const auto& host : bench.hosts) {
        EXPECT_EQ(host->next_attention(1), 0x063f03U) << "another unit has its number";
        EXPECT_EQ(host->next_attention(0), 0x063f0eU) << "once for both changes";
        EXPECT_EQ(host->next_attention(1), 0U);
        EXPECT_EQ(host->next_attention(2), 0x062900U);
        EXPECT_EQ(host->next_attention(2), 0U);
    }
}

TEST(UnitAttentions, AreEventsForTransportsThatCanTell) {
    for (const Row& row : kRows) {
        SCOPED_TRACE(row.name);
        Bench bench;
        row.raise(bench);
        for (std::size_t i = 0; i < bench.hosts.size(); ++i) {
            // A nexus knows of the reset that it asked for.
            const bool event = is_told(row, i) && row.code != 0x062907;
            std::vector<scsi::Asc> expected;
            if (event) {
                expected.push_back(static_cast<scsi::Asc>(row.code & 0xffffU));
            }
            EXPECT_EQ(bench.hosts[i]->events, expected) << "nexus " << i;
        }
    }
}

TEST(UnitAttentions, OfAnotherUnitUnderTheSameNumberAreEventsToo) {
    Bench bench;
    replace_lun_map(bench, 0);
    for (const auto& host : bench.hosts) {
        EXPECT_EQ(host->events, (std::vector{scsi::Asc::inquiry_data_has_changed,
                                             scsi::Asc::reported_luns_data_has_changed}));
    }
}

}  // namespace
}  // namespace targe::engine
