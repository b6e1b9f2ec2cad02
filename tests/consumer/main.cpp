// A consumer of the library alone.
#include <supra/supra.hpp>

int other_file();

int main() { return other_file(); }
