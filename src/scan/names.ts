import { isAllowedGlobal } from "../formats/pickle/allow.ts";

/**
 * What a name in a pickle means for who loads it: `allowed` makes values and does nothing else; `library` is a class of a
 * known library that was not examined for what it does; anything else may run code.
 */
export type Standing = "allowed" | "library" | "other";

/**
 * Constructors beside those of weights. Each keeps what it is given, and neither opens, imports nor calls anything but the
 * types that the pickle names (CPython 3.14, numpy 2.5, joblib 1.6).
 */
const MAKERS: Readonly<Record<string, string>> = {
  // An object of a named class, without its __init__ where that is object's.
  copyreg: "_reconstructor",
  copy_reg: "_reconstructor",
  builtins: "object",
  __builtin__: "object",
  numpy:
    "matrix record recarray void bool_ bool int8 int16 int32 int64 intc longlong uint8 uint16 uint32 uint64 uintc ulonglong float16 float32 float64 longdouble complex64 complex128 clongdouble str_ bytes_ datetime64 timedelta64",
  "numpy.matrixlib.defmatrix": "matrix",
  "numpy.rec": "recarray record",
  "numpy.core.records": "recarray record",
  "numpy._core.records": "recarray record",
  "numpy.ma": "MaskedArray",
  "numpy.ma.core": "_mareconstruct MaskedArray MaskedConstant mvoid",
  "numpy.random._pickle":
    "__randomstate_ctor __generator_ctor __bit_generator_ctor __legacy_generator_ctor",
  "numpy.random._mt19937": "MT19937",
  "numpy.random._pcg64": "PCG64 PCG64DXSM",
  "numpy.random._philox": "Philox",
  "numpy.random._sfc64": "SFC64",
  "numpy.random.bit_generator": "SeedSequence __pyx_unpickle_SeedSequence",
  "numpy.random._bit_generator": "SeedSequence __pyx_unpickle_SeedSequence",
  "joblib.numpy_pickle": "NumpyArrayWrapper",
};

/**
 * Classes that honest files name (Python's own values, scikit-learn 1.9's estimators and the parts that they are made of, scipy's
 * sparse arrays, pandas' frames): below each package, under whichever of its modules. Exact names, since the same modules hold
 * functions that read files, and names that they imported from elsewhere.
 */
const CLASSES: Readonly<Record<string, string>> = {
  copyreg: "__newobj__ __newobj_ex__",
  builtins: "range slice",
  __builtin__: "xrange slice",
  collections: "deque",
  datetime: "date datetime time timedelta timezone",
  decimal: "Decimal",
  fractions: "Fraction",
  uuid: "UUID",
  array: "array _array_reconstructor",
  argparse: "Namespace",
  types: "SimpleNamespace",
  // A path is a text until something opens it.
  pathlib: "PurePath PurePosixPath PureWindowsPath Path PosixPath WindowsPath",
  "sklearn._loss":
    "AbsoluteError ExponentialLoss HalfBinomialLoss HalfGammaLoss HalfLogitLink HalfMultinomialLoss HalfPoissonLoss HalfSquaredError HalfTweedieLoss HalfTweedieLossIdentity HuberLoss PinballLoss CyAbsoluteError CyExponentialLoss CyHalfBinomialLoss CyHalfGammaLoss CyHalfMultinomialLoss CyHalfPoissonLoss CyHalfSquaredError CyHalfTweedieLoss CyHalfTweedieLossIdentity CyHuberLoss CyPinballLoss IdentityLink LogLink LogitLink MultinomialLogit Interval",
  "sklearn.calibration":
    "CalibratedClassifierCV _CalibratedClassifier _SigmoidCalibration _TemperatureScaling",
  "sklearn.cluster":
    "AffinityPropagation AgglomerativeClustering Birch _CFNode _CFSubcluster BisectingKMeans _BisectingTree DBSCAN FeatureAgglomeration HDBSCAN KMeans MeanShift MiniBatchKMeans OPTICS SpectralBiclustering SpectralClustering SpectralCoclustering",
  "sklearn.compose": "ColumnTransformer TransformedTargetRegressor make_column_selector",
  "sklearn.covariance":
    "EllipticEnvelope EmpiricalCovariance GraphicalLasso GraphicalLassoCV LedoitWolf MinCovDet OAS ShrunkCovariance",
  "sklearn.cross_decomposition": "CCA PLSCanonical PLSRegression PLSSVD",
  "sklearn.decomposition":
    "DictionaryLearning FactorAnalysis FastICA IncrementalPCA KernelPCA LatentDirichletAllocation MiniBatchDictionaryLearning MiniBatchNMF MiniBatchSparsePCA NMF PCA SparseCoder SparsePCA TruncatedSVD",
  "sklearn.discriminant_analysis": "LinearDiscriminantAnalysis QuadraticDiscriminantAnalysis",
  "sklearn.dummy": "DummyClassifier DummyRegressor",
  "sklearn.ensemble":
    "AdaBoostClassifier AdaBoostRegressor BaggingClassifier BaggingRegressor ExtraTreesClassifier ExtraTreesRegressor GradientBoostingClassifier GradientBoostingRegressor HistGradientBoostingClassifier HistGradientBoostingRegressor IsolationForest RandomForestClassifier RandomForestRegressor RandomTreesEmbedding StackingClassifier StackingRegressor VotingClassifier VotingRegressor _BinMapper TreePredictor",
  "sklearn.feature_extraction":
    "CountVectorizer DictVectorizer FeatureHasher HashingVectorizer PatchExtractor TfidfTransformer TfidfVectorizer",
  "sklearn.feature_selection":
    "GenericUnivariateSelect RFE RFECV SelectFdr SelectFpr SelectFromModel SelectFwe SelectKBest SelectPercentile SequentialFeatureSelector VarianceThreshold f_classif f_regression chi2 mutual_info_classif mutual_info_regression",
  "sklearn.frozen": "FrozenEstimator",
  "sklearn.gaussian_process":
    "GaussianProcessClassifier GaussianProcessRegressor _BinaryGaussianProcessClassifierLaplace RBF Matern ConstantKernel WhiteKernel DotProduct RationalQuadratic ExpSineSquared Sum Product Exponentiation CompoundKernel PairwiseKernel Hyperparameter",
  "sklearn.impute": "IterativeImputer KNNImputer MissingIndicator SimpleImputer",
  "sklearn.isotonic": "IsotonicRegression",
  "sklearn.kernel_approximation":
    "AdditiveChi2Sampler Nystroem PolynomialCountSketch RBFSampler SkewedChi2Sampler",
  "sklearn.kernel_ridge": "KernelRidge",
  "sklearn.linear_model":
    "ARDRegression BayesianRidge ElasticNet ElasticNetCV GammaRegressor HuberRegressor Lars LarsCV Lasso LassoCV LassoLars LassoLarsCV LassoLarsIC LinearRegression LogisticRegression LogisticRegressionCV MultiTaskElasticNet MultiTaskElasticNetCV MultiTaskLasso MultiTaskLassoCV OrthogonalMatchingPursuit OrthogonalMatchingPursuitCV PassiveAggressiveClassifier PassiveAggressiveRegressor Perceptron PoissonRegressor QuantileRegressor RANSACRegressor Ridge RidgeCV RidgeClassifier RidgeClassifierCV SGDClassifier SGDOneClassSVM SGDRegressor TheilSenRegressor TweedieRegressor Hinge SquaredHinge Log ModifiedHuber SquaredLoss Huber EpsilonInsensitive SquaredEpsilonInsensitive",
  "sklearn.manifold": "ClassicalMDS Isomap LocallyLinearEmbedding MDS SpectralEmbedding TSNE",
  "sklearn.metrics":
    "newObj DistanceMetric64 DistanceMetric32 EuclideanDistance EuclideanDistance64 EuclideanDistance32 ManhattanDistance ManhattanDistance64 MinkowskiDistance MinkowskiDistance64 ChebyshevDistance ChebyshevDistance64 HaversineDistance HaversineDistance64",
  "sklearn.mixture": "BayesianGaussianMixture GaussianMixture",
  "sklearn.model_selection":
    "FixedThresholdClassifier GridSearchCV RandomizedSearchCV TunedThresholdClassifierCV KFold StratifiedKFold GroupKFold ShuffleSplit StratifiedShuffleSplit TimeSeriesSplit LeaveOneOut ParameterGrid",
  "sklearn.multiclass":
    "OneVsOneClassifier OneVsRestClassifier OutputCodeClassifier _ConstantPredictor",
  "sklearn.multioutput":
    "ClassifierChain MultiOutputClassifier MultiOutputRegressor RegressorChain",
  "sklearn.naive_bayes": "BernoulliNB CategoricalNB ComplementNB GaussianNB MultinomialNB",
  "sklearn.neighbors":
    "KNeighborsClassifier KNeighborsRegressor KNeighborsTransformer KernelDensity LocalOutlierFactor NearestCentroid NearestNeighbors NeighborhoodComponentsAnalysis RadiusNeighborsClassifier RadiusNeighborsRegressor RadiusNeighborsTransformer newObj KDTree KDTree64 KDTree32 BallTree BallTree64 BallTree32 EuclideanDistance",
  "sklearn.neural_network": "BernoulliRBM MLPClassifier MLPRegressor AdamOptimizer SGDOptimizer",
  "sklearn.pipeline": "FeatureUnion Pipeline",
  "sklearn.preprocessing":
    "Binarizer FunctionTransformer KBinsDiscretizer KernelCenterer LabelBinarizer LabelEncoder MaxAbsScaler MinMaxScaler MultiLabelBinarizer Normalizer OneHotEncoder OrdinalEncoder PolynomialFeatures PowerTransformer QuantileTransformer RobustScaler SplineTransformer StandardScaler TargetEncoder",
  "sklearn.random_projection": "GaussianRandomProjection SparseRandomProjection",
  "sklearn.semi_supervised": "LabelPropagation LabelSpreading SelfTrainingClassifier",
  "sklearn.svm": "LinearSVC LinearSVR NuSVC NuSVR OneClassSVM SVC SVR",
  "sklearn.tree":
    "DecisionTreeClassifier DecisionTreeRegressor ExtraTreeClassifier ExtraTreeRegressor Tree",
  "sklearn.utils": "Bunch Tags",
  "scipy.sparse":
    "csr_matrix csc_matrix coo_matrix lil_matrix dok_matrix dia_matrix bsr_matrix csr_array csc_array coo_array lil_array dok_array dia_array bsr_array",
  pandas:
    "DataFrame Series Index RangeIndex MultiIndex DatetimeIndex CategoricalIndex Categorical CategoricalDtype StringDtype Timestamp Timedelta BlockManager SingleBlockManager new_block _unpickle_block _new_Index _new_DatetimeIndex __pyx_unpickle_BlockManager _unpickle_timestamp",
  xgboost: "Booster XGBModel XGBClassifier XGBRegressor XGBRanker XGBRFClassifier XGBRFRegressor",
  lightgbm: "Booster LGBMModel LGBMClassifier LGBMRegressor LGBMRanker",
};

const setsOf = (
  table: Readonly<Record<string, string>>,
): ReadonlyMap<string, ReadonlySet<string>> =>
  new Map(Object.entries(table).map(([module, names]) => [module, new Set(names.split(" "))]));

const MAKERS_OF = setsOf(MAKERS);
const CLASSES_OF = setsOf(CLASSES);

/** What is known of a name, by its exact module and name. */
export function standingOf(module: string, name: string): Standing {
  if (isAllowedGlobal(module, name) || MAKERS_OF.get(module)?.has(name) === true) return "allowed";
  for (let end = module.length; end > 0; end = module.lastIndexOf(".", end - 1))
    if (CLASSES_OF.get(module.slice(0, end))?.has(name) === true) return "library";
  return "other";
}

/** Whether any name of a module is known. */
export function isKnownModule(module: string): boolean {
  return MAKERS_OF.has(module);
}

/** Whether calling a name makes neither a text nor what can be called: the arrays of numpy, their dtypes, and what stands for them. */
export function makesArray(module: string, name: string): boolean {
  return (
    isJoblibWrapper(module, name) ||
    (module === "numpy" && name === "dtype") ||
    (/^numpy\._?core\.multiarray$/.test(module) && name === "_reconstruct")
  );
}

/** What joblib puts where an array is: it keeps shape and dtype, and does nothing when it is made. */
export function isJoblibWrapper(module: string, name: string): boolean {
  return module === "joblib.numpy_pickle" && name === "NumpyArrayWrapper";
}
