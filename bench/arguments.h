// --name value pairs of the command line.
#pragma once

#include <map>
#include <stdexcept>
#include <string>

namespace targe::bench {

class Arguments {
public:
    Arguments(int count, char** values) {
        for (int i = 1; i + 1 < count; i += 2) {
            const std::string name = values[i];
            if (!name.starts_with("--")) {
                throw std::runtime_error("expected --name value, got " + name);
            }
            values_[name.substr(2)] = values[i + 1];
        }
        if (count % 2 == 0) {
            throw std::runtime_error("every --name needs a value");
        }
    }

    [[nodiscard]] std::string text(const std::string& name, const std::string& otherwise) {
        const auto found = values_.find(name);
        const std::string value = found == values_.end() ? otherwise : found->second;
        values_.erase(name);
        return value;
    }

    template <typename Number>
    [[nodiscard]] Number number(const std::string& name, Number otherwise) {
        const std::string value = text(name, "");
        return value.empty() ? otherwise : static_cast<Number>(std::stod(value));
    }

    /// What nobody asked for is a mistake of the caller's.
    void finish() const {
        if (!values_.empty()) {
            throw std::runtime_error("unknown argument --" + values_.begin()->first);
        }
    }

private:
    std::map<std::string, std::string> values_;
};

}  // namespace targe::bench
