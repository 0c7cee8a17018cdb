// A request on the control socket, and an initiator's alias that is the same bytes: both reach the answer.
#include "admin/control.h"

#include "admin/control_message.h"
#include "admin/fake_administration.h"
#include "base/assert.h"
#include "fuzz/input.h"

#include <nlohmann/json.hpp>

namespace targe::fuzz {
namespace {

void check(const std::string& answer) {
    TARGE_ASSERT(!answer.contains('\n'));
    TARGE_ASSERT(nlohmann::json::accept(answer));
}

}  // namespace
}  // namespace targe::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace targe;
    const std::string request = fuzz::text_of(fuzz::Input(data, size).rest());
    admin::FakeAdministration daemon;
    daemon.alias = request;
    fuzz::check(admin::handle_request(request, daemon));
    fuzz::check(admin::handle_request(admin::make_request("session-list"), daemon));
    return 0;
}
