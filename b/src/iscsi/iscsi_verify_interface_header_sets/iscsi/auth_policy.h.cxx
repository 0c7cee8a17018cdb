#include <iscsi/auth_policy.h> // IWYU pragma: associated
