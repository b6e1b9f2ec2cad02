// A second file that includes everything: what is not inline would be defined twice.
#include <supra/supra.hpp>

int other_file() { return 0; }
