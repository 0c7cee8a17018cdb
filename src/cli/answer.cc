#include "cli/answer.h"

#include "cli/table.h"

#include <nlohmann/json.hpp>

namespace targe::cli {
namespace {

using Json = nlohmann::ordered_json;
using admin::Problem;

std::string shown(const Json& error, const char* key) {
    return printable(text_in(error, key));
}

}  // namespace

std::string text_in(const Json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

std::expected<Json, Problem> result_of(std::string_view answer) {
    const Json root = Json::parse(answer, nullptr, false);
    if (root.is_object() && root.contains("error") && root["error"].is_object()) {
        const Json& error = root["error"];
        return std::unexpected(Problem{
            .what = shown(error, "what"), .cause = shown(error, "cause"), .cure = shown(error, "try")});
    }
    if (!root.is_object() || !root.contains("result")) {
        return std::unexpected(Problem{.what = "the answer was not understood",
                                       .cause = "what listens on the socket is of another version",
                                       .cure = "name another socket: targe --socket PATH …"});
    }
    return root["result"];
}

}  // namespace targe::cli
