#include "iscsi/authentication.h"

#include "iscsi/key_table.h"
#include "iscsi/text_value.h"

namespace targe::iscsi {

std::expected<void, std::string> Authentication::take(std::span<const TextPair> keys, TextAnswer& out) {
    std::vector<TextPair> chap_keys;
    for (const TextPair& pair : keys) {
        if (pair.key != row_of(Key::auth_method).name) {
            chap_keys.push_back(pair);
        } else if (auto chosen = choose_method(pair.value, out); !chosen) {
            return chosen;
        }
    }
    if (policy_.method == AuthMethod::none || !begun_) {
        return chap_keys.empty() ? std::expected<void, std::string>{}
                                 : std::unexpected{"CHAP keys where CHAP was not agreed on"};
    }
    const auto progress = chap_.step(chap_keys, out);
    if (!progress) {
        return std::unexpected{progress.error()};
    }
    proved_ = *progress == ChapExchange::Progress::authenticated;
    return {};
}

std::expected<void, std::string> Authentication::choose_method(std::string_view offer, TextAnswer& out) {
    if (begun_) {
        return std::unexpected{"negotiates AuthMethod twice"};
    }
    const std::string_view ours = policy_.method == AuthMethod::chap ? "CHAP" : "None";
    ListReader list(offer);
    while (const auto element = list.next()) {
        if (*element == ours) {
            begun_ = true;
            out.add(row_of(Key::auth_method).name, ours);
            return {};
        }
    }
    return std::unexpected{"does not offer AuthMethod " + std::string{ours}};
}

}  // namespace targe::iscsi
