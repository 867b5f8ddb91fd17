"""Every kind of destination. To add one, write its module and name it here."""

from furze.exports.destination import Destination
from furze.exports.destinations.azure_blob import AzureBlob
from furze.exports.destinations.bigquery import BigQuery
from furze.exports.destinations.clickhouse import ClickHouse
from furze.exports.destinations.databricks import Databricks
from furze.exports.destinations.delta import Delta
from furze.exports.destinations.duckdb import DuckDB
from furze.exports.destinations.google_cloud_storage import GoogleCloudStorage
from furze.exports.destinations.http import HTTP
from furze.exports.destinations.iceberg import Iceberg
from furze.exports.destinations.local_file import FileDownload, LocalFile
from furze.exports.destinations.no_op import NoOp
from furze.exports.destinations.postgres import Postgres
from furze.exports.destinations.redshift import Redshift
from furze.exports.destinations.s3 import S3, AwsS3, S3Compatible
from furze.exports.destinations.snowflake import Snowflake

_ALL: tuple[Destination, ...] = (
    LocalFile(),
    S3(),
    AwsS3(),
    S3Compatible(),
    AzureBlob(),
    GoogleCloudStorage(),
    Postgres(),
    Redshift(),
    BigQuery(),
    Snowflake(),
    Databricks(),
    ClickHouse(),
    DuckDB(),
    Delta(),
    Iceberg(),
    HTTP(),
    NoOp(),
)

#: What no request may name as its destination: furze makes these exports itself.
INTERNAL: dict[str, Destination] = {FileDownload.name: FileDownload()}

#: Every destination by the name of its type.
DESTINATIONS: dict[str, Destination] = {destination.name: destination for destination in _ALL}
