// expect: supra: this Eigen matrix ends with the expression
#include "supra/eigen/view.hpp"

using matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

#ifdef SUPRA_MENDED
matrix x(2, 2);
auto rows = supra::view_of(x, supra::queries({}));
#else
auto rows = supra::view_of(matrix(2, 2), supra::queries({}));
#endif
