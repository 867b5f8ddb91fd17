"""Which functions a query may call. Nothing outside these lists reaches the engine.

Each entry is `name:arguments`, where arguments is `2`, `1-3` or `1+`, followed by `=engineName` when the engine
calls it differently. A section says what its functions return, what an untyped property becomes as an argument,
and when the result is NULL. Left out on purpose: everything that reads files, addresses, dictionaries, server
state or settings, that sleeps, throws, or calls another function by name.
"""

from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal[
    "number", "boolean", "string", "datetime", "date", "uuid", "array", "tuple", "map", "interval",
    "property", "null", "unknown", "same", "second", "last",
]  # fmt: skip
PropertyArgument = Literal["text", "number", "datetime", "present"]
Nulls = Literal["if any", "never", "possible"]


@dataclass(frozen=True, slots=True)
class Section:
    """Functions that are alike. `same`, `second` and `last` return the kind of that argument."""

    returns: Kind
    names: str
    property_argument: PropertyArgument = "text"
    nulls: Nulls = "if any"


SCALARS: Final = (
    Section(
        "number",
        """plus:2 minus:2 multiply:2 divide:2 intDiv:2 intDivOrZero:2 intDivOrNull:2 divideOrNull:2 modulo:2
        moduloOrZero:2 moduloOrNull:2 positiveModulo:2 negate:1 abs:1 gcd:2 lcm:2 sign:1 exp:1 exp2:1 exp10:1
        log:1 ln:1=log log2:1 log10:1 log1p:1 sqrt:1 cbrt:1 erf:1 erfc:1 lgamma:1 tgamma:1 sin:1 cos:1 tan:1
        asin:1 acos:1 atan:1 atan2:2 hypot:2 sinh:1 cosh:1 tanh:1 asinh:1 acosh:1 atanh:1 pow:2 power:2=pow
        degrees:1 radians:1 factorial:1 intExp2:1 intExp10:1 sigmoid:1 widthBucket:4 floor:1-2 ceil:1-2
        ceiling:1-2=ceil
        trunc:1-2 truncate:1-2=trunc round:1-2 roundBankers:1-2 roundToExp2:1 roundDuration:1 roundAge:1
        roundDown:2 bitAnd:2 bitOr:2 bitXor:2 bitNot:1 bitShiftLeft:2 bitShiftRight:2 bitRotateLeft:2
        bitRotateRight:2 bitTest:2 bitTestAll:2+ bitTestAny:2+ bitCount:1 bitHammingDistance:2 max2:2 min2:2
        ifNotFinite:2 greatCircleDistance:4 geoDistance:4 greatCircleAngle:4 financialNetPresentValue:2+
        financialInternalRateOfReturn:1+ proportionsZTest:6 midpoint:2+ avg2:2 byteSwap:1 multiplyDecimal:2-3
        divideDecimal:2-3 width_bucket:4=widthBucket bitSlice:2-3
        toModifiedJulianDay:1 LpNorm:2 LpDistance:3 moduloLegacy:2 isDecimalOverflow:1-2 countDigits:1""",
        "number",
    ),
    Section(
        "number",
        """e:0 pi:0 rand:0-1 rand32:0-1 rand64:0-1 randCanonical:0-1 randUniform:2-3 randNormal:2-3
        randLogNormal:2-3 randBernoulli:1-2 randBinomial:2-3 randExponential:1-2 randPoisson:1-2
        rowNumberInAllBlocks:0 rowNumberInBlock:0""",
        nulls="never",
    ),
    Section(
        "number",
        """length:1 char_length:1=lengthUTF8 character_length:1=lengthUTF8 lengthUTF8:1 position:2-3
        positionUTF8:2-3
        positionCaseInsensitive:2-3 positionCaseInsensitiveUTF8:2-3 locate:2-3 countSubstrings:2-3
        countSubstringsCaseInsensitive:2-3 countSubstringsCaseInsensitiveUTF8:2-3 countMatches:2
        countMatchesCaseInsensitive:2 ngramDistance:2 ngramDistanceCaseInsensitive:2 ngramSearch:2
        ngramSearchCaseInsensitive:2 multiSearchFirstPosition:2 multiSearchFirstIndex:2 multiMatchAnyIndex:2
        multiFuzzyMatchAnyIndex:3
        editDistance:2 levenshteinDistance:2=editDistance damerauLevenshteinDistance:2 jaroSimilarity:2
        jaroWinklerSimilarity:2 byteHammingDistance:2 stringJaccardIndex:2 stringJaccardIndexUTF8:2 ascii:1
        CRC32:1 CRC64:1 cityHash64:1+ sipHash64:1+ farmHash64:1+ farmFingerprint64:1+ metroHash64:1+
        murmurHash2_32:1+ murmurHash2_64:1+ murmurHash3_32:1+ murmurHash3_64:1+ xxHash32:1+ xxHash64:1+
        xxh3:1+ intHash32:1 intHash64:1 halfMD5:1+ javaHash:1 hiveHash:1 URLHash:1-2 jumpConsistentHash:2
        IPv4StringToNum:1 port:1-2 soundex:1 visibleWidth:1 byteSize:1+ stringBytesEntropy:1
        parseTimeDelta:1 parseReadableSize:1""",
        "present",
    ),
    Section(
        "number",
        """toYear:1-2 toQuarter:1-2 toMonth:1-2 toDayOfYear:1-2 toDayOfMonth:1-2 toDayOfWeek:1-3 toHour:1-2 toMinute:1-2
        toSecond:1-2
        toMillisecond:1 toISOYear:1-2 toISOWeek:1-2 toWeek:1-3 toYearWeek:1-3 toYYYYMM:1-2
        toYYYYMMDD:1-2 toYYYYMMDDhhmmss:1-2
        toUnixTimestamp:1-2 toUnixTimestamp64Milli:1 toUnixTimestamp64Micro:1 toUnixTimestamp64Nano:1
        toUnixTimestamp64Second:1 toRelativeYearNum:1 toRelativeQuarterNum:1 toRelativeMonthNum:1
        toRelativeWeekNum:1 toRelativeDayNum:1 toRelativeHourNum:1 toRelativeMinuteNum:1 toRelativeSecondNum:1
        toDaysSinceYearZero:1 toDaysInMonth:1 year:1=toYear month:1=toMonth week:1-2=toWeek day:1=toDayOfMonth
        hour:1=toHour minute:1=toMinute second:1=toSecond dayOfMonth:1=toDayOfMonth dayOfWeek:1-2=toDayOfWeek
        dayOfYear:1=toDayOfYear quarter:1=toQuarter dateDiff:3-4 date_diff:3-4=dateDiff datediff:3-4=dateDiff
        timestampDiff:3=timestampDiff age:3-4 timezoneOffset:1 timeDiff:2""",
        "datetime",
    ),
    Section(
        "datetime",
        """toStartOfSecond:1-2 toStartOfMinute:1-2 toStartOfFiveMinutes:1-2 toStartOfFiveMinute:1=toStartOfFiveMinutes
        toStartOfTenMinutes:1-2 toStartOfFifteenMinutes:1-2 toStartOfHour:1-2 toStartOfDay:1-2 toStartOfInterval:2-4
        dateTrunc:2-3 date_trunc:2-3=dateTrunc timeSlot:1 addSeconds:2 addMinutes:2 addHours:2 addMilliseconds:2
        subtractSeconds:2 subtractMinutes:2 subtractHours:2 subtractMilliseconds:2 toTimeZone:2
        toTimezone:2=toTimeZone toUTCTimestamp:2 fromUTCTimestamp:2 addInterval:2 subtractInterval:2
        timestamp:1-2 tumbleStart:1-3 tumbleEnd:1-3 hopStart:1-4 hopEnd:1-4 nowInBlock:0-1""",
        "datetime",
    ),
    Section(
        "same",
        """addDays:2 addWeeks:2 addMonths:2 addQuarters:2 addYears:2 subtractDays:2 subtractWeeks:2
        subtractMonths:2 subtractQuarters:2 subtractYears:2 addDate:2 subDate:2 changeYear:2 changeMonth:2
        changeDay:2 changeHour:2 changeMinute:2 changeSecond:2""",
        "datetime",
    ),
    Section(
        "date",
        """toStartOfYear:1-2 toStartOfISOYear:1-2 toStartOfQuarter:1-2 toStartOfMonth:1-2 toLastDayOfMonth:1
        last_day:1=toLastDayOfMonth toMonday:1-2 toStartOfWeek:1-3 toLastDayOfWeek:1-2 toDate32:1 makeDate:2-3
        makeDate32:2-3 fromDaysSinceYearZero:1 fromModifiedJulianDay:1 YYYYMMDDToDate:1""",
        "datetime",
    ),
    Section("datetime", "makeDateTime:6-7 makeDateTime64:6-9", nulls="if any"),
    Section(
        "datetime",
        """fromUnixTimestamp:1 fromUnixTimestamp64Milli:1-2 fromUnixTimestamp64Micro:1-2 fromUnixTimestamp64Nano:1-2
        UUIDv7ToDateTime:1-2""",
        "number",
    ),
    Section(
        "datetime",
        """parseDateTime:1-3=parseDateTimeOrNull
        parseDateTime64BestEffort:1-3=parseDateTime64BestEffortOrNull parseDateTimeOrNull:1-3
        parseDateTime64BestEffortOrNull:1-3 parseDateTimeInJodaSyntax:1-3=parseDateTimeInJodaSyntaxOrNull
        parseDateTimeBestEffortUSOrNull:1-2 parseDateTime64BestEffortUSOrNull:1-3""",
        nulls="possible",
    ),
    Section(
        "string",
        """formatDateTime:1-3 dateName:2-3 monthName:1 formatDateTimeInJodaSyntax:2-3""",
        "datetime",
    ),
    Section("string", "timezone:0=timeZone timeZone:0 timezoneOf:1=timeZoneOf timeZoneOf:1", nulls="never"),
    Section(
        "interval",
        """toIntervalSecond:1 toIntervalMinute:1 toIntervalHour:1 toIntervalDay:1 toIntervalWeek:1
        toIntervalMonth:1 toIntervalQuarter:1 toIntervalYear:1 toIntervalMillisecond:1""",
        "number",
    ),
    Section(
        "string",
        """lower:1 upper:1 lowerUTF8:1 upperUTF8:1 lcase:1=lower ucase:1=upper initcap:1 initcapUTF8:1 reverseUTF8:1
        concatWithSeparator:1+ concat_ws:1+=concatWithSeparator substring:2-3 substr:2-3=substring mid:2-3=substring
        substringUTF8:2-3 substringIndex:3 substringIndexUTF8:3 left:2 right:2 leftUTF8:2 rightUTF8:2
        leftPad:2-3 rightPad:2-3 lpad:2-3=leftPad rpad:2-3=rightPad leftPadUTF8:2-3 rightPadUTF8:2-3
        repeat:2 space:1 trim:1-2=trimBoth trimBoth:1-2 trimLeft:1-2 trimRight:1-2 ltrim:1-2=trimLeft
        rtrim:1-2=trimRight replace:3=replaceAll replaceAll:3 replaceOne:3 replaceRegexpAll:3 replaceRegexpOne:3
        translate:3 translateUTF8:3 regexpQuoteMeta:1 format:1+ printf:1+ extract:2 regexpExtract:2-3
        appendTrailingCharIfAbsent:2 convertCharset:3 base58Encode:1 base58Decode:1 tryBase58Decode:1 base64Encode:1
        base64Decode:1 tryBase64Decode:1 base64URLEncode:1 base64URLDecode:1 base32Encode:1 base32Decode:1
        to_base64:1=base64Encode from_base64:1=base64Decode encodeXMLComponent:1 decodeXMLComponent:1
        decodeHTMLComponent:1 extractTextFromHTML:1 normalizeUTF8NFC:1 normalizeUTF8NFD:1 normalizeUTF8NFKC:1
        normalizeUTF8NFKD:1 toValidUTF8:1 firstLine:1 basename:1 protocol:1 domain:1 domainWithoutWWW:1
        topLevelDomain:1 firstSignificantSubdomain:1 cutToFirstSignificantSubdomain:1
        cutToFirstSignificantSubdomainWithWWW:1 path:1 pathFull:1 queryString:1 fragment:1
        queryStringAndFragment:1 netloc:1 extractURLParameter:2 cutWWW:1 cutQueryString:1 cutFragment:1
        cutQueryStringAndFragment:1 cutURLParameter:2 decodeURLComponent:1 encodeURLComponent:1
        decodeURLFormComponent:1 encodeURLFormComponent:1 hex:1 unhex:1 bin:1 unbin:1 char:1+ MD5:1 SHA1:1
        SHA224:1 SHA256:1 SHA384:1 SHA512:1 MD4:1 keccak256:1 sipHash128:1+ murmurHash3_128:1+ xxh3_128:1+
        IPv4NumToString:1 IPv4NumToStringClassC:1
        IPv6NumToString:1 overlay:3-4 overlayUTF8:3-4 caseFoldUTF8:1 removeDiacriticsUTF8:1 naturalSortKey:1
        compareSubstrings:5 colorSRGBToOKLCH:1-2 conv:3 toStringCutToZero:1 prettyPrintJSON:1""",
    ),
    Section(
        "string",
        """toJSONString:1 formatReadableSize:1 formatReadableDecimalSize:1 formatReadableQuantity:1
        formatReadableTimeDelta:1-3 bar:3-4 toTypeName:1 toColumnTypeName:1""",
        nulls="if any",
    ),
    Section(
        "string",
        "randomString:1 randomPrintableASCII:1 randomFixedString:1",
        nulls="never",
    ),
    Section("uuid", "generateUUIDv4:0-1 generateUUIDv7:0-1 UUIDNumToString:1", nulls="never"),
    Section(
        "boolean",
        """equals:2 notEquals:2 less:2 greater:2 lessOrEquals:2 greaterOrEquals:2 isDistinctFrom:2
        isNotDistinctFrom:2 startsWith:2 startsWithUTF8:2 startsWithCaseInsensitive:2 endsWith:2 endsWithUTF8:2
        endsWithCaseInsensitive:2 like:2 ilike:2 notLike:2 notILike:2 match:2 multiMatchAny:2 multiSearchAny:2
        multiSearchAnyCaseInsensitive:2 multiSearchAnyUTF8:2 multiSearchAnyCaseInsensitiveUTF8:2 hasToken:2
        hasTokenCaseInsensitive:2
        hasSubsequence:2 hasSubsequenceCaseInsensitive:2 isValidUTF8:1 isValidASCII:1 isValidJSON:1 isIPv4String:1
        isIPv6String:1 isIPAddressInRange:2 JSONHas:1+ simpleJSONHas:2 has:2 hasAny:2 hasAll:2 hasSubstr:2
        arrayExists:1+ arrayAll:1+ mapContains:2 mapContainsKey:2 mapContainsKeyLike:2 mapContainsValue:2
        mapContainsValueLike:2 multiFuzzyMatchAny:3 mapExists:2 mapAll:2 pointInPolygon:2+ pointInEllipses:6+
        h3IsValid:1 h3IndexesAreNeighbors:2 in:2 notIn:2 not:1 xor:2+ and:1+ or:1+ isPrime:1""",
        "present",
    ),
    Section("boolean", "isFinite:1 isInfinite:1 isNaN:1", "number"),
    Section("boolean", "empty:1 notEmpty:1", "present"),
    Section("boolean", "isNull:1 isNotNull:1 isZeroOrNull:1 isNullable:1", nulls="never"),
    Section("same", "assumeNotNull:1", nulls="never"),
    Section("same", "toNullable:1 nullIf:2 nullif:2=nullIf", nulls="possible"),
    Section("same", "materialize:1 identity:1 toLowCardinality:1 clamp:3 reverse:1"),
    Section("second", "if:3"),
    Section("last", "multiIf:3+ transform:3-4"),
    Section(
        "array",
        """array:0+ range:1-3 emptyArrayString:0 emptyArrayInt64:0 emptyArrayFloat64:0 emptyArrayDate:0
        emptyArrayDateTime:0 emptyArrayToSingle:1 arrayConcat:1+ arrayPushBack:2 arrayPushFront:2 arrayPopBack:1
        arrayPopFront:1 arrayResize:2-3 arraySlice:2-3 arraySort:1+ arrayReverseSort:1+ arrayPartialSort:2+
        arrayEnumerate:1 arrayEnumerateUniq:1+ arrayEnumerateDense:1+ arrayDistinct:1
        arrayIntersect:1+ arrayUnion:1+ arrayExcept:2 arraySymmetricDifference:1+ arrayCompact:1 arrayZip:1+
        arrayZipUnaligned:1+ arrayMap:2+ arrayFilter:2+ arrayFill:2+ arrayReverseFill:2+ arraySplit:2+
        arrayReverseSplit:2+ arrayCumSum:1+ arrayCumSumNonNegative:1+ arrayDifference:1 arrayFlatten:1
        flatten:1=arrayFlatten arrayReverse:1 arrayRotateLeft:2 arrayRotateRight:2 arrayShiftLeft:2-3
        arrayShiftRight:2-3 arrayShuffle:1-2 arrayRandomSample:2 arrayWithConstant:2 replicate:2 arrayRemove:2
        splitByChar:2-3 splitByString:2-3 splitByRegexp:2-3 splitByWhitespace:1-2 splitByNonAlpha:1-2
        alphaTokens:1-2 tokens:1+ ngrams:2 extractAll:2 extractAllGroups:2=extractAllGroupsVertical
        extractAllGroupsVertical:2 extractAllGroupsHorizontal:2 extractGroups:2 regexpExtractAll:2=extractAll
        multiSearchAllPositions:2 multiMatchAllIndices:2 multiFuzzyMatchAllIndices:3 JSONExtractArrayRaw:1+
        JSONExtractKeys:1+
        JSONExtractKeysAndValuesRaw:1+ extractURLParameters:1 extractURLParameterNames:1 URLHierarchy:1
        URLPathHierarchy:1 mapKeys:1 mapValues:1 bitmapToArray:1 bitmaskToArray:1 bitPositionsToArray:1
        timeSlots:2-3 arrayAutocorrelation:1-2 arrayTranspose:1 arrayTopK:2+ arrayBottomK:2+ h3kRing:2
        h3ToChildren:2 geohashesInBox:5
        arrayShingles:2 seriesOutliersDetectTukey:1-4 seriesDecomposeSTL:2 sparseGrams:1-3""",
        "present",
    ),
    Section(
        "number",
        """arrayCount:1+ arraySum:1+ arrayAvg:1+ arrayUniq:1+ arrayProduct:1+ indexOf:2 countEqual:2
        arrayFirstIndex:2+ arrayLastIndex:2+ arrayDotProduct:2 dotProduct:2 arrayJaccardIndex:2 JSONLength:1+
        JSONArrayLength:1
        arrayROCAUC:2-4 arrayAUC:2-4=arrayROCAUC arrayLevenshteinDistance:2 arraySimilarity:4
        bitmapCardinality:1 bitmapMin:1 bitmapMax:1
        bitmapAndCardinality:2 bitmapOrCardinality:2 bitmapXorCardinality:2 bitmapAndnotCardinality:2 L1Norm:1
        L2Norm:1
        LinfNorm:1 L1Distance:2 L2Distance:2 L2SquaredDistance:2 LinfDistance:2 cosineDistance:2 h3GetResolution:1
        geoToH3:3 stringToH3:1 h3ToParent:2 h3Distance:2 h3EdgeLengthM:1 h3HexAreaKm2:1
        JSONExtractUInt:1+ JSONExtractInt:1+ JSONExtractFloat:1+ simpleJSONExtractInt:2 simpleJSONExtractUInt:2
        simpleJSONExtractFloat:2""",
        "present",
    ),
    Section("boolean", "JSONExtractBool:1+ simpleJSONExtractBool:2", "present"),
    Section(
        "string",
        """JSONExtractString:1+ JSONExtractRaw:1+ JSONType:1+ simpleJSONExtractString:2 simpleJSONExtractRaw:2
        JSON_VALUE:2 JSON_QUERY:2 arrayStringConcat:1-2 geohashEncode:2-3 h3ToString:1 JSONMergePatch:1+ wkt:1""",
        "present",
    ),
    Section(
        "unknown",
        """JSONExtract:2+ JSONExtractKeysAndValues:2+ arrayJoin:1 arrayElement:2 arrayElementOrNull:2 arrayMin:1+
        arrayMax:1+ arrayFirst:2+ arrayLast:2+ arrayFirstOrNull:2+ arrayLastOrNull:2+ arrayFold:3+
        tupleElement:2-3 tuplePlus:2 tupleMinus:2 tupleMultiply:2 tupleDivide:2 tupleNegate:1
        tupleHammingDistance:2 tupleToNameValuePairs:1 flattenTuple:1 bitmapBuild:1 bitmapAnd:2 bitmapOr:2
        bitmapXor:2 bitmapAndnot:2 bitmapContains:2 bitmapHasAny:2
        bitmapHasAll:2 bitmapSubsetInRange:3 bitmapSubsetLimit:3 subBitmap:3 bitmapTransform:3
        tupleMultiplyByNumber:2
        tupleDivideByNumber:2 tupleIntDiv:2 tupleModulo:2 L1Normalize:1 L2Normalize:1 LinfNormalize:1 LpNormalize:2
        hop:3-4 toTime:1 finalizeAggregation:1 runningDifference:1 neighbor:2-3
        runningAccumulate:1-2 geohashDecode:1 h3ToGeo:1 h3ToGeoBoundary:1 tumble:2-3 readWKTPoint:1
        readWKTPolygon:1 IPv4CIDRToRange:2 indexHint:1 ignore:1+ defaultValueOfTypeName:1
        defaultValueOfArgumentType:1 isConstant:1""",
        "present",
        "possible",
    ),
    Section("tuple", "tuple:0+ tupleConcat:1+", nulls="never"),
    Section(
        "map",
        """map:0+ mapFromArrays:2 mapFilter:2 mapExtractKeyLike:2 mapExtractValueLike:2 mapApply:2 mapAdd:1+
        mapSubtract:1+ mapUpdate:2 mapConcat:1+
        mapSort:1-2 mapReverseSort:1-2 mapPopulateSeries:1-3 extractKeyValuePairs:1-4""",
        "present",
        "never",
    ),
    Section("unknown", "toIPv4:1 toIPv6:1 IPv4ToIPv6:1 toIPv4OrNull:1 toIPv6OrNull:1", nulls="possible"),
    Section(
        "number",
        """toIntOrZero:1=toInt64OrZero toFloatOrZero:1=toFloat64OrZero toUInt8OrZero:1 toUInt16OrZero:1
        toUInt32OrZero:1
        toUInt64OrZero:1 toInt8OrZero:1 toInt16OrZero:1 toInt32OrZero:1 toInt64OrZero:1 toFloat32OrZero:1
        toFloat64OrZero:1 toFloat32OrDefault:1-2 toFloat64OrDefault:1-2 toInt64OrDefault:1-2 toUInt64OrDefault:1-2
        toInt32OrDefault:1-2 toUInt8:1 toUInt16:1 toUInt32:1 toUInt64:1 toInt8:1 toInt16:1 toInt32:1 toInt64:1
        toInt128:1 toInt256:1 toUInt128:1 toUInt256:1 toFloat32:1 toFloat64:1 toDecimal32:2 toDecimal64:2
        toDecimal128:2
        reinterpretAsUInt8:1 reinterpretAsUInt32:1 reinterpretAsUInt64:1 reinterpretAsInt64:1
        reinterpretAsFloat64:1""",
    ),
    Section(
        "number",
        """toUInt8OrNull:1 toUInt16OrNull:1 toUInt32OrNull:1 toUInt64OrNull:1 toInt8OrNull:1 toInt16OrNull:1
        toInt32OrNull:1 toInt64OrNull:1 toFloat32OrNull:1 toFloat64OrNull:1 toDecimal64OrNull:2
        toIntOrNull:1=toInt64OrNull toFloatOrNull:1=toFloat64OrNull parseReadableSizeOrNull:1""",
        nulls="possible",
    ),
    Section("date", "toDateOrNull:1 toDate32OrNull:1", nulls="possible"),
    Section("datetime", "toDateTimeOrNull:1-2 toDateTime64OrNull:1-3", nulls="possible"),
    Section("uuid", "toUUIDOrNull:1", nulls="possible"),
    Section("uuid", "toUUIDOrZero:1", nulls="if any"),
    Section("string", "toFixedString:2"),
)

AGGREGATES: Final = (
    Section(
        "number",
        "count:0+ uniq:1+ uniqExact:1+ uniqCombined:1+ uniqCombined64:1+ uniqHLL12:1+ uniqUpTo:1+",
        nulls="never",
    ),
    Section(
        "number",
        """sum:1 avg:1 sumWithOverflow:1 sumKahan:1 stddevPop:1 stddevSamp:1 stddev:1=stddevSamp varPop:1 varSamp:1
        variance:1=varSamp covarPop:2 covarSamp:2 corr:2 skewPop:1 skewSamp:1 kurtPop:1 kurtSamp:1 avgWeighted:2
        quantile:1 quantileExact:1 quantileExactLow:1 quantileExactHigh:1 quantileTiming:1 quantileTDigest:1
        quantileTDigestWeighted:2 quantileBFloat16:1 quantileDeterministic:2 quantileExactWeighted:2
        quantileTimingWeighted:2 quantileDD:1 quantileGK:1 quantileInterpolatedWeighted:2
        quantileExactInclusive:1 quantileExactExclusive:1
        median:1 medianExact:1 medianExactLow:1 medianExactHigh:1 medianTiming:1 medianTDigest:1
        medianBFloat16:1 medianDeterministic:2 medianExactWeighted:2 deltaSum:1 entropy:1
        groupBitAnd:1 groupBitOr:1 groupBitXor:1 boundingRatio:2 exponentialMovingAverage:2 rankCorr:2
        stddevPopStable:1 stddevSampStable:1 varPopStable:1 varSampStable:1 gini:1 sumCount:1""",
        "number",
    ),
    Section(
        "array",
        """quantiles:1 quantilesExact:1 quantilesExactLow:1 quantilesExactHigh:1 quantilesTiming:1
        quantilesTDigest:1
        quantilesBFloat16:1 quantilesDeterministic:2 quantilesExactWeighted:2 quantilesGK:1
        quantilesExactInclusive:1
        quantilesExactExclusive:1 groupArrayMovingSum:1 groupArrayMovingAvg:1 histogram:1""",
        "number",
        "never",
    ),
    Section(
        "same",
        """min:1 max:1 any:1 anyLast:1 anyHeavy:1 first_value:1 last_value:1 singleValueOrNull:1 any_value:1=any
        argMin:2 argMax:2 nth_value:2""",
    ),
    Section(
        "array",
        """groupArray:1 array_agg:1=groupArray groupUniqArray:1 groupArrayInsertAt:2 groupArraySample:1
        groupArrayLast:1
        groupArraySorted:1 groupArrayIntersect:1 topK:1 topKWeighted:2 approx_top_k:1 approx_top_sum:2
        retention:1+ sequenceMatchEvents:2+ maxIntersections:2""",
        nulls="never",
    ),
    Section("string", "groupConcat:1-2 string_agg:1-2=groupConcat sparkbar:2", nulls="if any"),
    Section(
        "number",
        """windowFunnel:2+ sequenceCount:3+ maxIntersectionsPosition:2 intervalLengthSum:2""",
        nulls="never",
    ),
    Section("boolean", "sequenceMatch:3+", nulls="never"),
    Section(
        "unknown",
        """sumMap:1+=sumMappedArrays minMap:1+=minMappedArrays maxMap:1+=maxMappedArrays deltaSumTimestamp:2
        groupBitmap:1 groupBitmapAnd:1 groupBitmapOr:1
        contingency:2 cramersV:2 cramersVBiasCorrected:2 theilsU:2 simpleLinearRegression:2 studentTTest:2
        welchTTest:2 mannWhitneyUTest:2 kolmogorovSmirnovTest:2 meanZTest:2 largestTriangleThreeBuckets:2
        sequenceNextNode:2+ exponentialTimeDecayedAvg:2 categoricalInformationValue:2+
        stochasticLinearRegression:2+""",
    ),
)

#: Functions that only stand before OVER.
WINDOWS: Final = (
    Section("number", "row_number:0 rank:0 dense_rank:0 percent_rank:0 cume_dist:0 ntile:1", nulls="never"),
    Section(
        "same",
        """lag:1-3=lagInFrame lead:1-3=leadInFrame lagInFrame:1-3 leadInFrame:1-3""",
        nulls="possible",
    ),
)

#: Endings that change an aggregate: the extra arguments each takes.
COMBINATORS: Final = {
    "If": 1, "Array": 0, "Distinct": 0, "OrNull": 0, "OrDefault": 0, "State": 0, "MergeState": 0, "Merge": 0,
    "ForEach": 0, "Map": 0,
}  # fmt: skip
