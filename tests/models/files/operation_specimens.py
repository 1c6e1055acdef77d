"""Arguments that each listed operation takes, so that it can be traced."""

from typing import Any


def specimens() -> dict[str, tuple[Any, ...]]:
    """Arguments by the name of the operation."""
    import tensorflow as tf

    ones = tf.ones
    sq, img, seq, vec, vol = tf.eye(4), ones([2, 8, 8, 3]), ones([2, 8, 4]), ones([4]), ones([1, 4, 4, 4, 2])
    ids, b, c, key = tf.constant([0, 1, 1, 2]), tf.constant([True, False] * 2), ones([4, 4], "complex64"), [1, 2]
    filt, filt_t, boxes, three = ones([3, 3, 3, 2]), ones([3, 3, 2, 3]), ones([4, 4]), ones([3])
    shared: list[tuple[tuple[Any, ...], str]] = [
        (
            (sq,),
            """
        abs acos acosh argmax argmin argsort asin asinh atan atanh convert_to_tensor cos cosh cumsum exp floor
        identity image.adjust_gamma
        keras.backend.batch_flatten
        linalg.adjoint
        linalg.cholesky linalg.det linalg.diag linalg.diag_part linalg.eig linalg.eigh linalg.eigvals linalg.eigvalsh
        linalg.expm linalg.inv linalg.l2_normalize linalg.logdet linalg.lu linalg.matrix_rank linalg.matrix_transpose
        linalg.norm linalg.normalize linalg.pinv linalg.qr linalg.slogdet linalg.sqrtm linalg.svd linalg.tensor_diag
        linalg.tensor_diag_part linalg.trace math.abs math.acos math.acosh math.angle math.argmax math.argmin
        math.asin math.asinh math.atan math.atanh math.bessel_i0 math.bessel_i0e math.bessel_i1 math.bessel_i1e
        math.bincount math.ceil math.conj math.cos math.cosh math.count_nonzero math.cumprod math.cumsum
        math.cumulative_logsumexp math.digamma math.erf math.erfc math.erfcinv math.erfinv math.exp math.expm1
        math.floor math.imag math.is_finite math.is_inf math.is_nan math.is_non_decreasing math.is_strictly_increasing
        math.l2_normalize math.lbeta math.lgamma math.log math.log1p math.log_sigmoid math.log_softmax math.ndtri
        math.negative math.real math.reciprocal math.reciprocal_no_nan math.reduce_euclidean_norm
        math.reduce_logsumexp math.reduce_max math.reduce_mean math.reduce_min math.reduce_prod math.reduce_std
        math.reduce_sum math.reduce_variance math.rint math.round math.rsqrt math.sigmoid math.sign math.sin math.sinh
        math.softmax math.softplus math.softsign math.special.bessel_i0 math.special.bessel_i0e math.special.bessel_i1
        math.special.bessel_i1e math.special.bessel_j0 math.special.bessel_j1 math.special.bessel_k0
        math.special.bessel_k0e math.special.bessel_k1 math.special.bessel_k1e math.special.bessel_y0
        math.special.bessel_y1 math.special.dawsn math.special.expint math.special.fresnel_cos
        math.special.fresnel_sin math.special.spence math.sqrt math.square math.tan math.tanh math.top_k
        math.zero_fraction meshgrid negative nn.crelu nn.elu nn.gelu nn.isotonic_regression nn.l2_loss nn.l2_normalize
        nn.leaky_relu nn.log_softmax nn.relu nn.relu6 nn.selu nn.sigmoid nn.silu nn.softmax nn.softplus nn.softsign
        nn.swish nn.tanh nn.top_k nn.zero_fraction norm ones_like quantization.fake_quant_with_min_max_args
        random.shuffle rank reduce_logsumexp reduce_max reduce_mean reduce_min reduce_prod reduce_sum round
        sequence_mask shape sigmoid sign signal.dct signal.fftshift signal.idct signal.ifftshift signal.inverse_mdct
        signal.mfccs_from_log_mel_spectrograms signal.rfft signal.rfft2d signal.rfftnd sin sinh size sort sqrt square
        squeeze stack stop_gradient tan tanh transpose unique_with_counts unstack where zeros_like
        """,
        ),
        (
            (sq, sq),
            """
        __operators__.add __operators__.eq __operators__.ne add atan2 boolean_mask clip_by_norm complex divide
        dtypes.complex equal greater greater_equal image.adjust_brightness
        keras.backend.binary_crossentropy
        keras.backend.categorical_crossentropy keras.backend.categorical_focal_crossentropy
        less less_equal linalg.banded_triangular_solve linalg.cholesky_solve linalg.lstsq linalg.matmul linalg.matvec
        linalg.solve linalg.triangular_solve linalg.tridiagonal_matmul math.add math.atan2 math.divide
        math.divide_no_nan math.equal math.floordiv math.floormod math.greater math.greater_equal math.igamma
        math.igammac math.less math.less_equal math.maximum math.minimum math.mod math.multiply math.multiply_no_nan
        math.nextafter math.not_equal math.polygamma math.pow math.squared_difference math.subtract math.truediv
        math.xdivy math.xlog1py math.xlogy math.zeta matmul maximum minimum multiply nn.log_poisson_loss
        nn.sigmoid_cross_entropy_with_logits nn.softmax_cross_entropy_with_logits not_equal pow
        quantization.fake_quant_with_min_max_args_gradient realdiv searchsorted subtract truediv truncatediv
        truncatemod
        """,
        ),
        (
            (ids, ids),
            """
        bitwise.bitwise_and bitwise.bitwise_or bitwise.bitwise_xor bitwise.left_shift bitwise.right_shift
        broadcast_dynamic_shape broadcast_to expand_dims gather
        math.segment_max math.segment_mean math.segment_min
        math.segment_prod math.segment_sum nn.embedding_lookup one_hot random.poisson repeat reshape reverse
        unravel_index
        """,
        ),
        (
            (img, 4, 4),
            """
        clip_by_value dynamic_partition image.convert_image_dtype image.draw_bounding_boxes image.random_brightness
        image.resize_with_crop_or_pad image.resize_with_pad linalg.band_part linspace math.betainc
        math.unsorted_segment_max math.unsorted_segment_mean math.unsorted_segment_min math.unsorted_segment_prod
        math.unsorted_segment_sqrt_n math.unsorted_segment_sum quantization.fake_quant_with_min_max_vars
        quantization.quantize_and_dequantize roll signal.frame signal.stft
        """,
        ),
        (
            (img,),
            """
        image.flip_left_right image.flip_up_down image.hsv_to_rgb image.image_gradients
        image.per_image_standardization image.random_flip_left_right image.random_flip_up_down image.rgb_to_grayscale
        image.rgb_to_hsv image.rgb_to_yiq image.rgb_to_yuv image.rot90 image.sobel_edges image.total_variation
        image.transpose image.yiq_to_rgb image.yuv_to_rgb
        nn.local_response_normalization nn.lrn signal.rfft3d
        """,
        ),
        (
            (3,),
            """
        constant eye linalg.eye range signal.hamming_window
        signal.hann_window signal.kaiser_bessel_derived_window signal.kaiser_window signal.linear_to_mel_weight_matrix
        signal.vorbis_window
        """,
        ),
        (
            ([sq, sq],),
            """
        add_n identity_n linalg.global_norm math.accumulate_n math.add_n shape_n
        signal.fft3d signal.ifft3d signal.irfft3d
        """,
        ),
        (
            (c,),
            """
        linalg.logm signal.fft signal.fft2d signal.fftnd signal.ifft signal.ifft2d signal.ifftnd signal.irfft
        signal.irfft2d signal.irfftnd
        """,
        ),
        (
            (sq, 0),
            """
        concat math.approx_max_k math.approx_min_k nn.approx_max_k nn.approx_min_k nn.dropout
        random.categorical signal.mdct
        """,
        ),
        (
            (key, 3),
            """
        bitcast cast dtypes.cast dtypes.saturate_cast random.experimental.stateless_fold_in
        random.fold_in saturate_cast
        """,
        ),
        (
            (img, [2, 2]),
            """
        gather_nd histogram_fixed_width image.resize image.stateless_random_flip_left_right
        image.stateless_random_flip_up_down nn.moments nn.sufficient_statistics random.experimental.stateless_shuffle
        """,
        ),
        (
            (ids,),
            """
        bitwise.invert math.invert_permutation ones random.normal random.truncated_normal random.uniform zeros
        """,
        ),
        (
            (b, b),
            """
        __operators__.getitem logical_and logical_or math.logical_and math.logical_or math.logical_xor
        """,
        ),
        (
            (b,),
            """
        logical_not math.logical_not math.reduce_all math.reduce_any reduce_all reduce_any
        """,
        ),
        (
            (img, 2, 2, "SAME"),
            """
        nn.avg_pool nn.avg_pool2d nn.max_pool nn.max_pool2d nn.max_pool_with_argmax nn.weighted_moments
        """,
        ),
        (
            (sq, [0, 1]),
            """
        image.random_crop linalg.set_diag tile
        """,
        ),
        (
            (img, filt, 1, "SAME"),
            """
        linalg.tensordot nn.atrous_conv2d nn.conv2d nn.convolution tensordot
        """,
        ),
        (
            ([2, 2], key),
            """
        math.polyval random.stateless_normal random.stateless_parameterized_truncated_normal
        random.stateless_truncated_normal random.stateless_uniform
        """,
        ),
        (
            (vec, ids, 3),
            """
        tensor_scatter_nd_add tensor_scatter_nd_max tensor_scatter_nd_min tensor_scatter_nd_sub
        tensor_scatter_nd_update
        """,
        ),
        (
            (boxes, vec, 3),
            """
        image.non_max_suppression image.non_max_suppression_overlaps image.non_max_suppression_padded
        image.non_max_suppression_with_scores
        """,
        ),
        (
            (img, 0.5),
            """
        image.adjust_contrast image.central_crop image.random_hue
        """,
        ),
        (
            (img, img),
            """
        image.adjust_hue image.adjust_saturation linalg.cross
        """,
        ),
        (
            (sq, [0, 0], [2, 2]),
            """
        image.stateless_random_crop slice strided_slice
        """,
        ),
        (
            ("ij,jk->ik", sq, sq),
            """
        einsum linalg.einsum
        """,
        ),
        (
            (vec, vec),
            """
        histogram_fixed_width_bins math.confusion_matrix
        """,
        ),
        (
            (img, 0.5, 1.5),
            """
        image.random_contrast image.random_saturation
        """,
        ),
        (
            (img, 0.1, key),
            """
        image.stateless_random_brightness image.stateless_random_hue
        """,
        ),
        (
            (img, 0.1, 0.5, key),
            """
        image.stateless_random_contrast image.stateless_random_saturation
        """,
        ),
        (
            (sq, ids),
            """
        linalg.lu_matrix_inverse linalg.lu_reconstruct
        """,
        ),
        (
            (seq, 2, 2, "SAME"),
            """
        nn.avg_pool1d nn.max_pool1d
        """,
        ),
        (
            (vol, 2, 2, "SAME"),
            """
        nn.avg_pool3d nn.max_pool3d
        """,
        ),
        (
            (img, 2),
            """
        nn.space_to_depth
        """,
        ),
        (
            ([2, 2],),
            """
        random.experimental.stateless_split random.split
        """,
        ),
        (
            ([sq, sq], 0),
            """
        clip_by_global_norm
        """,
        ),
        (
            (vec, [4]),
            """
        ensure_shape
        """,
        ),
        (
            ([2, 2], 0.5),
            """
        fill
        """,
        ),
        (
            (img, 2, 2, 4, 4),
            """
        image.crop_to_bounding_box
        """,
        ),
        (
            (4, 4),
            """
        math.sobol_sample
        """,
        ),
        (
            (sq, 0.0, 1.0),
            """
        nn.experimental.stateless_dropout
        """,
        ),
        (
            (0.0, 1.0, 4),
            """
        nn.weighted_cross_entropy_with_logits
        """,
        ),
        (
            (img, [[0, 0], [1, 1], [1, 1], [0, 0]]),
            """
        pad
        """,
        ),
        (
            (vec, vec, vec),
            """
        quantization.fake_quant_with_min_max_vars_per_channel
        """,
        ),
        (
            (ids, vec),
            """
        random.gamma
        """,
        ),
        (
            (seq, 8),
            """
        signal.overlap_and_add
        """,
        ),
        (
            (vec,),
            """
        unique
        """,
        ),
    ]
    own: dict[str, tuple[Any, ...]] = {
        "compat.v1.gather": (sq, ids),
        "compat.v1.nn.avg_pool": (img, [1, 2, 2, 1], [1, 2, 2, 1], "SAME"),
        "compat.v1.nn.conv1d": (seq, ones([3, 4, 2]), 1, "SAME"),
        "compat.v1.nn.convolution": (img, filt, "SAME"),
        "compat.v1.nn.depthwise_conv2d": (img, filt, [1, 1, 1, 1], "SAME"),
        "compat.v1.nn.max_pool": (img, [1, 2, 2, 1], [1, 2, 2, 1], "SAME"),
        "compat.v1.pad": (sq, [[1, 1], [1, 1]]),
        "compat.v1.shape": (sq,),
        "compat.v1.transpose": (sq,),
        "nn.fractional_avg_pool": (img, [1, 1.5, 1.5, 1], False, False, 1),
        "nn.fractional_max_pool": (img, 2, False, False, 1),
        "split": (sq, 2),
        "batch_to_space": (ones([4, 4, 4, 3]), [2, 2], [[0, 0], [0, 0]]),
        "dynamic_stitch": ([ids, ids], [vec, vec]),
        "image.combined_non_max_suppression": (ones([1, 4, 1, 4]), ones([1, 4, 1]), 4, 4),
        "image.crop_and_resize": (img, boxes, ids, [4, 4]),
        "image.extract_patches": (img, [1, 2, 2, 1], [1, 2, 2, 1], [1, 1, 1, 1], "SAME"),
        "image.grayscale_to_rgb": (ones([2, 8, 8, 1]),),
        "image.pad_to_bounding_box": (img, 1, 1, 12, 12),
        "image.psnr": (img, img, 1.0),
        "image.ssim": (ones([2, 32, 32, 3]), ones([2, 32, 32, 3]), 1.0),
        "image.ssim_multiscale": (ones([2, 192, 192, 3]), ones([2, 192, 192, 3]), 1.0),
        "nn.bias_add": (img, three),
        "nn.batch_normalization": (img, three, three, three, three, 0.1),
        "linalg.lu_solve": (sq, ids, sq),
        "linalg.tridiagonal_solve": (ones([3, 4]), vec),
        "math.in_top_k": (ids, sq, 2),
        "nn.in_top_k": (ids, sq, 2),
        "math.scalar_mul": (2.0, sq),
        "scalar_mul": (2.0, sq),
        "nn.atrous_conv2d_transpose": (img, filt_t, [2, 8, 8, 2], 2, "SAME"),
        "nn.conv1d": (seq, ones([3, 4, 2]), 1, "SAME"),
        "nn.conv1d_transpose": (seq, ones([3, 2, 4]), [2, 8, 2], 1),
        "nn.conv2d_transpose": (img, filt_t, [2, 8, 8, 2], 1),
        "nn.conv3d": (vol, ones([2, 2, 2, 2, 3]), [1, 1, 1, 1, 1], "SAME"),
        "nn.conv3d_transpose": (vol, ones([2, 2, 2, 3, 2]), [1, 4, 4, 4, 3], [1, 1, 1, 1, 1]),
        "nn.conv_transpose": (img, filt_t, [2, 8, 8, 2], 1),
        "nn.depth_to_space": (ones([2, 4, 4, 8]), 2),
        "nn.depthwise_conv2d": (img, filt, [1, 1, 1, 1], "SAME"),
        "nn.depthwise_conv2d_backprop_filter": (img, [3, 3, 3, 2], ones([2, 8, 8, 6]), [1, 1, 1, 1], "SAME"),
        "nn.depthwise_conv2d_backprop_input": ([2, 8, 8, 3], filt, ones([2, 8, 8, 6]), [1, 1, 1, 1], "SAME"),
        "nn.dilation2d": (img, ones([2, 2, 3]), [1, 1, 1, 1], "SAME", "NHWC", [1, 1, 1, 1]),
        "nn.erosion2d": (img, ones([2, 2, 3]), [1, 1, 1, 1], "SAME", "NHWC", [1, 1, 1, 1]),
        "nn.normalize_moments": (0.5, vec, vec, None),
        "nn.pool": (img, [2, 2], "MAX"),
        "nn.separable_conv2d": (img, filt, ones([1, 1, 6, 4]), [1, 1, 1, 1], "SAME"),
        "nn.space_to_batch": (img, [2, 2], [[0, 0], [0, 0]]),
        "space_to_batch": (img, [2, 2], [[0, 0], [0, 0]]),
        "space_to_batch_nd": (img, [2, 2], [[0, 0], [0, 0]]),
        "nn.sparse_softmax_cross_entropy_with_logits": (ids, sq),
        "quantization.dequantize": (tf.cast(sq, "qint8"), 0.0, 1.0),
        "quantization.quantize": (sq, 0.0, 1.0, "qint8"),
        "quantization.fake_quant_with_min_max_vars_gradient": (sq, sq, 0.0, 1.0),
        "quantization.fake_quant_with_min_max_vars_per_channel_gradient": (sq, sq, vec, vec),
        "random.experimental.index_shuffle": (3, key, 10),
        "random.stateless_binomial": ([4], key, vec, vec),
        "random.stateless_categorical": (sq, 2, key),
        "random.stateless_gamma": ([4], key, vec),
        "random.stateless_poisson": ([4], key, vec),
        "reverse_sequence": (sq, ids, 1),
        "scatter_nd": (ids[:, None], vec, [4]),
        "signal.inverse_stft": (c, 4, 2),
    }
    return own | {name: arguments for arguments, names in shared for name in names.split()}
