// Products of matrices by cuBLASLt, row major: what cuBLASLt sees are the transposes, in the other order. A product's kernel is
// chosen when its shape is first seen, and stays: the same shapes give the same bits.
#pragma once

#include <cublasLt.h>

#include <array>
#include <map>
#include <stdexcept>
#include <string>

#include "supra/core/backend.hpp"
#include "supra/cuda/session.hpp"

namespace supra::cuda {

inline void must(cublasStatus_t e, const char* what) {
  if (e != CUBLAS_STATUS_SUCCESS)
    throw std::runtime_error(std::string("cuBLASLt: ") + what + ": " + cublasLtGetStatusString(e));
}

template <class T>
inline constexpr cudaDataType_t data_type = std::is_same_v<T, double>  ? CUDA_R_64F
                                            : std::is_same_v<T, float> ? CUDA_R_32F
                                                                       : CUDA_R_16BF;

class products {
 public:
  explicit products(const std::shared_ptr<session>& on) : session_(on), workspace_(on, workspace_bytes) {
    must(cublasLtCreate(&handle_), "a handle");
  }
  products(const products&) = delete;
  products& operator=(const products&) = delete;
  ~products() { cublasLtDestroy(handle_); }

  // bf16 is multiplied exactly and summed in float; float in float, never rounded to fewer bits. `many` products of one shape,
  // each so many elements after the one before.
  template <class T, class C>
  void gemm(op oa, op ob, std::int64_t m, std::int64_t n, std::int64_t k, accumulator_t<T> alpha, const T* a, std::int64_t lda,
            const T* b, std::int64_t ldb, accumulator_t<T> beta, C* c, std::int64_t ldc, std::int64_t many = 1,
            std::int64_t next_a = 0, std::int64_t next_b = 0, std::int64_t next_c = 0) {
    const key shape{static_cast<std::int64_t>(data_type<T>),
                    static_cast<std::int64_t>(data_type<C>),
                    oa == op::plain,
                    ob == op::plain,
                    m,
                    n,
                    k,
                    lda,
                    ldb,
                    ldc,
                    alignment(a, next_a),
                    alignment(b, next_b),
                    alignment(c, next_c),
                    beta == 0,
                    many,
                    next_a,
                    next_b,
                    next_c};
    auto found = plans_.find(shape);
    if (found == plans_.end()) found = plans_.try_emplace(shape, handle_, shape, data_type<accumulator_t<T>>).first;
    const plan& p = found->second;
    must(cublasLtMatmul(handle_, p.what, &alpha, b, p.b, a, p.a, &beta, c, p.c, c, p.c, &p.how, workspace_.data(),
                        workspace_bytes, session_->stream()),
         "a product");
  }

 private:
  static constexpr std::int64_t workspace_bytes = std::int64_t{32} << 20;  // what cuBLAS itself takes on Hopper
  using key = std::array<std::int64_t, 18>;

  struct plan {
    cublasLtMatmulDesc_t what = nullptr;
    cublasLtMatrixLayout_t a = nullptr, b = nullptr, c = nullptr;
    cublasLtMatmulAlgo_t how;

    plan(cublasLtHandle_t handle, const key& s, cudaDataType_t sums) {
      const auto [t, out, plain_a, plain_b, m, n, k, lda, ldb, ldc, align_a, align_b, align_c, over, count, next_a, next_b,
                  next_c] = s;
      const auto many = static_cast<std::int32_t>(count);
      const auto type = static_cast<cudaDataType_t>(t), out_type = static_cast<cudaDataType_t>(out);
      must(cublasLtMatmulDescCreate(&what, sums == CUDA_R_64F ? CUBLAS_COMPUTE_64F : CUBLAS_COMPUTE_32F, sums), "a product");
      const cublasOperation_t ta = plain_a ? CUBLAS_OP_N : CUBLAS_OP_T, tb = plain_b ? CUBLAS_OP_N : CUBLAS_OP_T;
      set(CUBLASLT_MATMUL_DESC_TRANSA, tb), set(CUBLASLT_MATMUL_DESC_TRANSB, ta);
      const auto layout = [many](cublasLtMatrixLayout_t& to, cudaDataType_t of, std::int64_t rows, std::int64_t cols,
                                 std::int64_t ld, std::int64_t next) {
        must(cublasLtMatrixLayoutCreate(&to, of, static_cast<std::uint64_t>(cols), static_cast<std::uint64_t>(rows), ld),
             "a matrix");
        must(cublasLtMatrixLayoutSetAttribute(to, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, &many, sizeof(many)), "many matrices");
        must(cublasLtMatrixLayoutSetAttribute(to, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, &next, sizeof(next)),
             "many matrices");
      };
      layout(a, type, plain_a ? m : k, plain_a ? k : m, lda, next_a);
      layout(b, type, plain_b ? k : n, plain_b ? n : k, ldb, next_b), layout(c, out_type, m, n, ldc, next_c);
      cublasLtMatmulPreference_t wish = nullptr;
      must(cublasLtMatmulPreferenceCreate(&wish), "a choice");
      const auto ask = [&](cublasLtMatmulPreferenceAttributes_t which, auto value) {
        must(cublasLtMatmulPreferenceSetAttribute(wish, which, &value, sizeof(value)), "a choice");
      };
      ask(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, static_cast<std::uint64_t>(workspace_bytes));
      // parts of a sum are added in one order, in the type of sums
      ask(CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, static_cast<std::uint32_t>(CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE));
      ask(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, static_cast<std::uint32_t>(align_b));
      ask(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, static_cast<std::uint32_t>(align_a));
      ask(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, static_cast<std::uint32_t>(align_c));
      ask(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, static_cast<std::uint32_t>(align_c));
      cublasLtMatmulHeuristicResult_t best{};
      int found = 0;
      const auto status = cublasLtMatmulAlgoGetHeuristic(handle, what, b, a, c, c, wish, 1, &best, &found);
      cublasLtMatmulPreferenceDestroy(wish);
      if (status == CUBLAS_STATUS_SUCCESS && found == 0)
        throw std::runtime_error("cuBLASLt: has no kernel for a product of " + std::to_string(m) + " x " + std::to_string(k) +
                                 " and " + std::to_string(k) + " x " + std::to_string(n) + " numbers");
      must(status, "a kernel for a product");
      how = best.algo;
    }
    plan(const plan&) = delete;
    plan& operator=(const plan&) = delete;
    ~plan() {
      for (auto x : {a, b, c}) cublasLtMatrixLayoutDestroy(x);
      cublasLtMatmulDescDestroy(what);
    }

   private:
    void set(cublasLtMatmulDescAttributes_t which, cublasOperation_t value) {
      must(cublasLtMatmulDescSetAttribute(what, which, &value, sizeof(value)), "a product");
    }
  };

  // Of addresses so many elements apart, up to the 16 bytes that any kernel wants.
  template <class P>
  static std::int64_t alignment(const P* p, std::int64_t next) {
    const auto at = reinterpret_cast<std::uintptr_t>(p) | (static_cast<std::uintptr_t>(next) * sizeof(P)) | 16;
    return static_cast<std::int64_t>(at & (~at + 1));
  }

  std::shared_ptr<session> session_;
  buffer<char> workspace_;
  cublasLtHandle_t handle_ = nullptr;
  std::map<key, plan> plans_;
};

}  // namespace supra::cuda
