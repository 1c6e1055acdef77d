"""The classes and functions of Keras that a file may name: closed lists of those that only compute.

What is on them runs no code that a file brings, and reads and writes no other file.
"""

from __future__ import annotations

_CLASSES = {
    "layers of Keras 2": """
        Activation ActivityRegularization Add AddLoss AddMetric AdditiveAttention AlphaDropout Attention Average
        AveragePooling1D AveragePooling2D AveragePooling3D AvgPool1D AvgPool2D AvgPool3D BaseRandomLayer
        BatchNormalization BatchNormalizationBase BatchNormalizationV1 BatchNormalizationV2 Bidirectional
        CategoryEncoding CenterCrop Concatenate Conv1D Conv1DTranspose Conv2D Conv2DTranspose Conv3D Conv3DTranspose
        ConvLSTM1D ConvLSTM1DCell ConvLSTM2D ConvLSTM2DCell ConvLSTM3D ConvLSTM3DCell Convolution1D
        Convolution1DTranspose Convolution2D Convolution2DTranspose Convolution3D Convolution3DTranspose Cropping1D
        Cropping2D Cropping3D CuDNNGRU CuDNNLSTM Dense DepthwiseConv1D DepthwiseConv2D Discretization Dot Dropout ELU
        EinsumDense Embedding Flatten Functional GRU GRUCell GRUCellV1 GRUCellV2 GRUV1 GRUV2 GaussianDropout
        GaussianNoise GlobalAveragePooling1D GlobalAveragePooling2D GlobalAveragePooling3D GlobalAvgPool1D
        GlobalAvgPool2D GlobalAvgPool3D GlobalMaxPool1D GlobalMaxPool2D GlobalMaxPool3D GlobalMaxPooling1D
        GlobalMaxPooling2D GlobalMaxPooling3D GroupNormalization HashedCrossing Hashing Identity InputLayer
        IntegerLookup LSTM LSTMCell LSTMCellV1 LSTMCellV2 LSTMV1 LSTMV2 Layer LayerNormalization LeakyReLU
        LocallyConnected1D LocallyConnected2D Masking MaxPool1D MaxPool2D MaxPool3D MaxPooling1D MaxPooling2D
        MaxPooling3D Maximum Minimum Model MultiHeadAttention Multiply Normalization PReLU PeepholeLSTMCell Permute RNN
        RandomBrightness RandomContrast RandomCrop RandomFlip RandomFourierFeatures RandomHeight RandomRotation
        RandomTranslation RandomWidth RandomZoom ReLU RepeatVector Rescaling Reshape Resizing SeparableConv1D
        SeparableConv2D SeparableConvolution1D SeparableConvolution2D Sequential SimpleRNN SimpleRNNCell
        SlicingOpLambda Softmax SpatialDropout1D SpatialDropout2D SpatialDropout3D SpectralNormalization
        StackedRNNCells StringLookup Subtract SyncBatchNormalization TFOpLambda TensorFlowOpLayer TextVectorization
        ThresholdedReLU TimeDistributed UnitNormalization UpSampling1D UpSampling2D UpSampling3D Wrapper ZeroPadding1D
        ZeroPadding2D ZeroPadding3D
    """,
    "layers of Keras 3 alone": """
        AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D AdaptiveMaxPooling1D
        AdaptiveMaxPooling2D AdaptiveMaxPooling3D AugMix AutoContrast ContrastLimitedAdaptiveHistogramEqualization
        ConvLSTMCell CutMix Equalization GroupQueryAttention GroupedQueryAttention LayerScale MaxNumBoundingBoxes
        MelSpectrogram MixUp RMSNormalization RandAugment RandomColorDegeneration RandomColorJitter
        RandomElasticTransform RandomErasing RandomGaussianBlur RandomGrayscale RandomHue RandomInvert
        RandomPerspective RandomPosterization RandomSaturation RandomSharpness RandomShear ReversibleEmbedding
        STFTSpectrogram Solarization StochasticDepth
    """,
    "initializers": """
        Constant ConstantV2 GlorotNormal GlorotNormalV2 GlorotUniform GlorotUniformV2 HeNormal HeNormalV2 HeUniform
        HeUniformV2 Identity IdentityInitializer IdentityV2 LecunNormal LecunNormalV2 LecunUniform LecunUniformV2 Ones
        OnesV2 Orthogonal OrthogonalInitializer OrthogonalV2 RandomNormal RandomNormalV2 RandomUniform RandomUniformV2
        STFT STFTInitializer TruncatedNormal TruncatedNormalV2 VarianceScaling VarianceScalingV2 Zeros ZerosV2 constant
        glorot_normal glorot_normalV2 glorot_uniform glorot_uniformV2 he_normal he_normalV2 he_uniform he_uniformV2
        identity lecun_normal lecun_normalV2 lecun_uniform lecun_uniformV2 normal one ones orthogonal random_normal
        random_uniform truncated_normal uniform variance_scaling zero zeros
    """,
    "regularizers and constraints": """
        L1 L1L2 L2 MaxNorm MinMaxNorm NonNeg OrthogonalRegularizer RadialConstraint UnitNorm l1 l1_l2 l2 max_norm
        maxnorm min_max_norm non_neg nonneg orthogonal_regularizer radial_constraint unit_norm unitnorm
    """,
    "losses": """
        BinaryCrossentropy BinaryFocalCrossentropy CTC CategoricalCrossentropy CategoricalFocalCrossentropy
        CategoricalGeneralizedCrossEntropy CategoricalHinge Circle CosineSimilarity Dice Hinge Huber KLDivergence
        LogCosh LossFunctionWrapper MeanAbsoluteError MeanAbsolutePercentageError MeanSquaredError
        MeanSquaredLogarithmicError Poisson SparseCategoricalCrossentropy SquaredHinge Tversky
    """,
    "metrics": """
        AUC Accuracy BinaryAccuracy BinaryCrossentropy BinaryIoU CategoricalAccuracy CategoricalCrossentropy
        CategoricalHinge ConcordanceCorrelation CosineSimilarity F1Score FBetaScore FalseNegatives FalsePositives Hinge
        IoU KLDivergence LogCoshError Mean MeanAbsoluteError MeanAbsolutePercentageError MeanIoU MeanMetricWrapper
        MeanRelativeError MeanSquaredError MeanSquaredLogarithmicError MeanTensor OneHotIoU OneHotMeanIoU
        PearsonCorrelation Poisson Precision PrecisionAtRecall R2Score Recall RecallAtPrecision RootMeanSquaredError
        SensitivityAtSpecificity SparseCategoricalAccuracy SparseCategoricalCrossentropy SparseTopKCategoricalAccuracy
        SpecificityAtSensitivity SquaredHinge Sum SumOverBatchSizeMetricWrapper TopKCategoricalAccuracy TrueNegatives
        TruePositives
    """,
    "optimizers and their schedules": """
        Adadelta Adafactor Adagrad Adam AdamW Adamax CosineDecay CosineDecayRestarts ExponentialDecay Ftrl
        InverseTimeDecay Lamb Lion LossScaleOptimizer LossScaleOptimizerV3 Muon Nadam PiecewiseConstantDecay
        PolynomialDecay RMSprop SGD ScheduleFreeAdamW
    """,
    "types": """
        AWQDTypePolicy AbsMaxQuantizer DTypePolicy DTypePolicyMap Float8QuantizationConfig FloatDTypePolicy
        GPTQDTypePolicy Int4DTypePolicy Int4QuantizationConfig Int8QuantizationConfig Policy PolicyV1
        QuantizedDTypePolicy QuantizedFloat8DTypePolicy SeedGenerator
    """,
    "plain values": """
        TensorShape __bytes__ __ellipsis__ __keras_tensor__ __numpy__ __slice__ __tensor__ __tuple__
    """,
}
_OPERATIONS = """
    Abs Absolute AdaptiveAveragePool AdaptiveMaxPool Add AffineTransform All AllClose Amax Amin Angle Any Append Arange
    Arccos Arccosh Arcsin Arcsinh Arctan Arctan2 Arctanh Argmax Argmin Argpartition Argsort Array ArraySplit Average
    AveragePool BatchNorm BinaryCrossentropy Bincount BitwiseAnd BitwiseInvert BitwiseLeftShift BitwiseNot BitwiseOr
    BitwiseRightShift BitwiseXor BroadcastTo CDist CTCDecode CTCLoss Cast CategoricalCrossentropy Cbrt Ceil Celu
    Cholesky CholeskyInverse Clip Concatenate Conj Conjugate Conv ConvTranspose ConvertToTensor Copy Corrcoef Correlate
    Cos Cosh CountNonzero CropImages Cross Cumprod Cumsum Deg2rad DepthToSpace DepthwiseConv Det Diag Diagflat Diagonal
    Diff Digitize Divide DivideNoNan Dot DotProductAttention Dsplit Dstack Eig Eigh Einsum ElasticTransform Elu
    EmptyLike Equal Erf Erfc Erfinv Exp Exp2 ExpandDims Expm1 ExtractPatches ExtractSequences FFT FFT2 Fabs
    FakeQuantWithMinMaxVars Flip Fliplr Flipud Floor FloorDivide Fmax Fmin Fmod Fold Full FullLike GaussianBlur Gcd
    Gelu Geomspace GetItem Glu Greater GreaterEqual HSVToRGB HardShrink HardSigmoid HardSilu HardSwish HardTanh
    Heaviside Histogram Hsplit Hstack Hypot I0 IFFT2 IRFFT ISTFT Imag InTopK Inner Inv IsIn Isclose Isfinite Isinf
    Isnan Isneginf Isposinf Isreal Kron LayerNorm Lcm Ldexp LeakyRelu LeftShift Less LessEqual Linspace Log Log10 Log1p
    Log2 LogSigmoid LogSoftmax Logaddexp Logaddexp2 Logdet LogicalAnd LogicalNot LogicalOr LogicalXor Logspace
    Logsumexp Lstsq LuFactor MapCoordinates Matmul MatrixRank Max MaxPool Maximum Mean Median Meshgrid Min Minimum Mish
    Mod Moments Moveaxis MultiHot Multiply NanToNum Nanargmax Nanargmin Nancumprod Nancumsum Nanmax Nanmean Nanmedian
    Nanmin Nanpercentile Nanprod Nanquantile Nanstd Nansum Nanvar Ndim Negative Nextafter Nonzero Norm Normalize
    NotEqual OneHot OnesLike Outer PSNR Pad PadImages Percentile PerspectiveTransform Pinv Polar Power Prod Ptp Qr
    Quantile RFFT RGBToGrayscale RGBToHSV RMSNorm Rad2deg Ravel ReLU Real Rearrange Reciprocal Relu Relu6 Repeat
    Reshape Resize RightShift Rint Roll Rot90 Round Rsqrt SSIM STFT SVD SaturateCast ScaleAndTranslate Scatter
    ScatterUpdate SearchSorted SegmentMax SegmentMin SegmentProd SegmentReduction SegmentSum Select Selu SeparableConv
    Sigmoid Sign Signbit Silu Sin Sinc Sinh Size Slice SliceUpdate Slogdet SobelEdges SoftShrink Softmax Softplus
    Softsign Solve SolveTriangular Sort SpaceToDepth SparseCategoricalCrossentropy SparsePlus SparseSigmoid Sparsemax
    Split Sqrt Square Squareplus Squeeze Stack Std StopGradient Subtract Sum Swapaxes Take TakeAlongAxis Tan Tanh
    TanhShrink Tensordot Threshold Tile TopK Trace Transpose Trapezoid Tril Triu TrueDivide Trunc Unfold Unique
    UnravelIndex Unstack Vander Var Vdot View ViewAsComplex ViewAsReal Vsplit Vstack Where ZerosLike
"""
_OF_TFMOT = """
    AllValuesQuantizer ClusterPreserveDefault8BitConvWeightsQuantizer ClusterPreserveDefault8BitWeightsQuantizer
    ClusterPreserveDefaultWeightsQuantizer ClusterWeights ClusterWeightsMHA ClusterWeightsRNN ConstantSparsity
    Default8BitActivationQuantizeConfig Default8BitConvQuantizeConfig Default8BitConvTransposeQuantizeConfig
    Default8BitConvTransposeWeightsQuantizer Default8BitConvWeightsQuantizer Default8BitOutputQuantizeConfig
    Default8BitQuantizeConfig Default8BitQuantizeConfigRNN DefaultNBitActivationQuantizeConfig
    DefaultNBitConvQuantizeConfig DefaultNBitConvTransposeQuantizeConfig DefaultNBitConvTransposeWeightsQuantizer
    DefaultNBitConvWeightsQuantizer DefaultNBitOutputQuantizeConfig DefaultNBitQuantizeConfig
    DefaultNBitQuantizeConfigRNN FixedQuantizeConfig FixedQuantizer LastValueQuantizer MovingAverageQuantizer
    NoOpActivation NoOpQuantizeConfig NoQuantizer OutputOnlyConfig PolynomialDecay PruneLowMagnitude
    PrunePreserveDefault8BitConvWeightsQuantizer PrunePreserveDefault8BitWeightsQuantizer
    PrunePreserveDefaultWeightsQuantizer QuantizeAnnotate QuantizeAwareActivation QuantizeLayer QuantizeWrapper
    QuantizeWrapperV2
"""
_FUNCTIONS = """
    binary_accuracy binary_crossentropy binary_focal_crossentropy categorical_accuracy categorical_crossentropy
    categorical_focal_crossentropy categorical_generalized_cross_entropy categorical_hinge celu circle
    concordance_correlation cosine_similarity ctc dice elu exponential gelu glu hard_shrink hard_sigmoid hard_silu
    hard_swish hard_tanh hinge huber kl_divergence kld kullback_leibler_divergence l1_l2 leaky_relu linear log_cosh
    log_sigmoid log_softmax logcosh mae mape mean_absolute_error mean_absolute_percentage_error mean_squared_error
    mean_squared_logarithmic_error mish mse msle pearson_correlation poisson relu relu6 selu sigmoid silu soft_shrink
    softmax softplus softsign sparse_categorical_accuracy sparse_categorical_crossentropy sparse_plus sparse_sigmoid
    sparse_top_k_categorical_accuracy sparsemax squared_hinge squareplus swish tanh tanh_shrink threshold
    top_k_categorical_accuracy tversky
"""

KERAS_CLASSES = frozenset(name for names in _CLASSES.values() for name in names.split())
"""Layers and what they are made of. Keras 2 has some of them by names of functions, such as `zeros`."""

OPERATION_CLASSES = frozenset(_OPERATIONS.split())
"""Operations of Keras 3, from `keras.ops`."""

TFMOT_CLASSES = frozenset(_OF_TFMOT.split())
"""Wrappers of tensorflow-model-optimization, and what they are made of."""

TENSORFLOW_INITIALIZERS = frozenset(_CLASSES["initializers"].split())
"""Those of TensorFlow have the same names; Keras' own EfficientNetV2 names one."""

CONVNEXT_CLASSES = frozenset({"LayerScale", "StochasticDepth"})
"""Layers of Keras' own ConvNeXt, which stand in its module and not among the others."""

KERAS_FUNCTIONS = frozenset(_FUNCTIONS.split())
"""Activations, losses and metrics."""

REFUSED_CLASSES = {
    "AbstractRNNCell": "has no computation of its own",
    "ClassMethod": "calls any method of a class",
    "CompositeTensor": "makes an object of any type",
    "DenseFeatures": "may read files of words or weights",
    "DeviceWrapper": "moves to another device",
    "Distiller": "trains another model",
    "DropoutWrapper": "holds a function",
    "FeatureSpace": "may read files of words",
    "FlaxLayer": "calls code of another library",
    "InputSpec": "is no layer",
    "InstanceMethod": "calls any method of a tensor",
    "InstanceProperty": "reads any attribute of a tensor",
    "JaxLayer": "calls code of another library",
    "Lambda": "holds a function",
    "LinearModel": "does not say how it computes",
    "Pipeline": "calls functions",
    "ResidualWrapper": "holds a function",
    "SequenceFeatures": "may read files of words or weights",
    "TFSMLayer": "runs a SavedModel from another place",
    "TorchModuleWrapper": "unpickles an object",
    "TypeSpec": "makes an object of any type",
    "WideDeepModel": "does not say how it computes",
    "_RNNCellWrapper": "has no computation of its own",
    "__typespec__": "makes an object of any type",
}
"""Layers that Keras knows and that a file may not name, with the reason as a clause whose subject is the layer."""
