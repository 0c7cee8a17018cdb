#include <iscsi/login.h> // IWYU pragma: associated
