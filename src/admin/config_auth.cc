#include "admin/config_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

namespace targe::admin {
namespace {

constexpr auto kMethods = std::to_array<std::pair<std::string_view, AuthConfig::Method>>({
    {"none", AuthConfig::Method::none},
    {"chap", AuthConfig::Method::chap},
});
constexpr auto kAlgorithmNames = std::to_array<std::string_view>({"md5", "sha1", "sha256", "sha3-256"});
constexpr auto kAlgorithms = std::to_array<ChapAlgorithm>(
    {ChapAlgorithm::md5, ChapAlgorithm::sha1, ChapAlgorithm::sha256, ChapAlgorithm::sha3_256});

// 96 bits: shorter ones are for logins that IPsec protects, and no others [RFC 7143 9.2.1].
constexpr std::size_t kShortestSecret = 12;
constexpr std::size_t kLongestSecret = 255;
constexpr std::size_t kLongestChapName = 255;

enum class Ipsec : bool { no, yes };

std::optional<std::string> secret_of(const Section& section, Place& place) {
    Problems& problems = section.reading().problems;
    std::string text;
    if (const auto literal = section.read_string("secret", text)) {
        place = *literal;
        if (section.has("secret_file")) {
            problems.error(section.find("secret_file")->place, "'secret' and 'secret_file' are both given",
                           {}, "take one of them out");
        }
        return text;
    }
    if (section.has("secret")) {
        return std::nullopt;
    }
    if (const auto file = section.read_path("secret_file", text)) {
        place = *file;
        auto content = section.reading().read_secret(text);
        if (!content) {
            problems.error(*file, "'secret_file' cannot be read", content.error(),
                           fmt::format("as the user that targed runs as: cat {}", text));
            return std::nullopt;
        }
        // What an editor or `echo` puts at the end is not part of the secret.
        while (content->ends_with('\n') || content->ends_with('\r')) {
            content->pop_back();
        }
        return *content;
    }
    if (!section.has("secret_file")) {
        section.missing("secret", "or 'secret_file', the path of a file with the secret in it");
    }
    return std::nullopt;
}

void check_length(Problems& problems, Place place, std::size_t size, Ipsec ipsec) {
    if (size > kLongestSecret) {
        problems.error(place,
                       fmt::format("the secret has {} bytes, and {} are the most", size, kLongestSecret));
    } else if (size < kShortestSecret && ipsec == Ipsec::no) {
        problems.error(place,
                       fmt::format("the secret has {} bytes, and {} are the least", size, kShortestSecret),
                       "RFC 7143 allows shorter ones only where IPsec protects the connection",
                       "use 12 to 16 bytes, which every initiator takes; if IPsec is in force, say ipsec = "
                       "true in 'auth'");
    } else if (size < kShortestSecret) {
        problems.warn(place,
                      fmt::format("the secret has only {} bytes; nothing but IPsec protects it", size));
    }
}

std::optional<ChapUser> read_user(Reading& reading, std::string_view title, const Value& value, Ipsec ipsec) {
    const Section section(reading, title, value);
    ChapUser user;
    const auto name = section.read_string("name", user.name);
    if (!section.has("name")) {
        section.missing("name", "the CHAP name, which need not be an iSCSI name");
    }
    if (name && user.name.size() > kLongestChapName) {
        reading.problems.error(*name, fmt::format("'name' has {} bytes, and {} are the most",
                                                  user.name.size(), kLongestChapName));
    }
    Place place;
    const auto secret = secret_of(section, place);
    if (!name || !secret) {
        return std::nullopt;
    }
    check_length(reading.problems, place, secret->size(), ipsec);
    user.secret = Secret(*secret);
    return user;
}

void read_algorithms(const Section& section, AuthConfig& auth) {
    if (!section.has("algorithms")) {
        return;
    }
    auth.algorithms.clear();
    section.read_strings("algorithms", [&](Place place, const std::string& text) {
        const auto at = section.choose("algorithms", place, text, kAlgorithmNames);
        if (at && std::ranges::find(auth.algorithms, kAlgorithms[*at]) == auth.algorithms.end()) {
            auth.algorithms.push_back(kAlgorithms[*at]);
        }
    });
    if (auth.algorithms.empty() && !section.reading().problems.failed()) {
        section.reading().problems.error(section.find("algorithms")->place, "'algorithms' is empty", {},
                                         "take the line out to allow all of them");
    }
}

void check_users(const Section& section, const AuthConfig& auth) {
    Problems& problems = section.reading().problems;
    std::set<std::string_view> names;
    for (const ChapUser& user : auth.users) {
        if (!names.insert(user.name).second) {
            problems.error(section.find("users")->place, fmt::format("'users' has \"{}\" twice", user.name));
        }
        // Else the target's own answer could be had from the initiator [RFC 7143 9.2.1].
        if (auth.mutual && auth.mutual->secret == user.secret) {
            problems.error(section.find("mutual")->place,
                           fmt::format("the secret of 'mutual' is that of the user \"{}\"", user.name),
                           "RFC 7143 forbids one secret for both directions",
                           "give the target a secret of its own");
        }
    }
}

}  // namespace

AuthConfig read_auth(Reading& reading, const Value& value) {
    const Section section(reading, "auth", value);
    AuthConfig auth;
    if (!section.has("method") && value.as<Value::Table>() != nullptr) {
        section.missing("method", "method = \"chap\" or method = \"none\"");
    }
    section.read_choice<AuthConfig::Method>("method", auth.method, kMethods);
    bool ipsec = false;
    section.read_bool("ipsec", ipsec);
    const Ipsec protection = ipsec ? Ipsec::yes : Ipsec::no;
    bool mentioned = false;
    section.read_array("users", [&](const Value& one) {
        mentioned = true;
        if (auto user = read_user(reading, "auth.users", one, protection)) {
            auth.users.push_back(std::move(*user));
        }
    });
    if (const Entry* const mutual = section.find("mutual")) {
        auth.mutual = read_user(reading, "auth.mutual", mutual->value, protection);
    }
    read_algorithms(section, auth);
    check_users(section, auth);
    if (auth.method == AuthConfig::Method::chap && !mentioned) {
        reading.problems.error(section.place(), "method \"chap\" without users lets nobody in", {},
                               "users = [{ name = \"…\", secret_file = \"…\" }]");
    }
    if (auth.method == AuthConfig::Method::none && section.has("method") && (mentioned || auth.mutual)) {
        reading.problems.error(section.find("method")->place, "method \"none\" asks no user for a secret",
                               "'users' or 'mutual' is given beside it", "method = \"chap\"");
    }
    return auth;
}

}  // namespace targe::admin
