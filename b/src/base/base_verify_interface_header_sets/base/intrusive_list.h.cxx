#include <base/intrusive_list.h> // IWYU pragma: associated
