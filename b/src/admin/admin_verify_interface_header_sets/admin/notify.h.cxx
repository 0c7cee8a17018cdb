#include <admin/notify.h> // IWYU pragma: associated
