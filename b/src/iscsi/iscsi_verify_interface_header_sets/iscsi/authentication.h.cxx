#include <iscsi/authentication.h> // IWYU pragma: associated
