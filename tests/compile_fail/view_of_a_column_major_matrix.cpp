// expect: supra: an Eigen matrix of rows must be row-major
// Eigen's own default: a token's features lie apart.
#include "supra/eigen/view.hpp"

#ifdef SUPRA_MENDED
using matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
#else
using matrix = Eigen::MatrixXf;
#endif

matrix x;
auto rows = supra::view_of(x, supra::queries({}));
