"""The tables. What may be written when is said in the modules that write them."""

from connector.store.tables.base import Base
from connector.store.tables.finance import (
    AfterSaleRow,
    DifferenceRow,
    ReconciliationRow,
    SettlementEntryRow,
    SettlementRow,
)
from connector.store.tables.orders import (
    AllocationRow,
    CustomerRow,
    EventRow,
    LineRow,
    OrderRow,
    PromiseRow,
)
from connector.store.tables.outbound import CallRow, DocumentRow, RefusedLogonRow
from connector.store.tables.watch import (
    ActRow,
    AlertRow,
    MappingNoticeRow,
    MappingVersionRow,
    PauseRow,
    QuarantineRow,
)
from connector.store.tables.work import (
    DeliveryRow,
    FileRow,
    RunRow,
    WatermarkRow,
    WaveOrderRow,
    WaveRow,
)

__all__ = [
    "ActRow",
    "AfterSaleRow",
    "AlertRow",
    "AllocationRow",
    "Base",
    "CallRow",
    "CustomerRow",
    "DeliveryRow",
    "DifferenceRow",
    "DocumentRow",
    "EventRow",
    "FileRow",
    "LineRow",
    "MappingNoticeRow",
    "MappingVersionRow",
    "OrderRow",
    "PauseRow",
    "PromiseRow",
    "QuarantineRow",
    "ReconciliationRow",
    "RefusedLogonRow",
    "RunRow",
    "SettlementEntryRow",
    "SettlementRow",
    "WatermarkRow",
    "WaveOrderRow",
    "WaveRow",
]
