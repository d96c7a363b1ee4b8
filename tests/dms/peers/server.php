<?php
// A DMS behind PHP's SoapServer: the sandbox's WSDL, a memory in a file, and its own manners.
// Run by `php -S`; PEER_WSDL and PEER_STATE name the WSDL and the file. With PEER_LOGIN calls need
// the session of a login. GET /ship and /invoice let the warehouse ship and finance invoice all that
// was asked for; GET /books shows the orders.
ini_set('soap.wsdl_cache_enabled', '0');
error_reporting(E_ALL & ~E_DEPRECATED);

function listed($value): array
{
    return $value === null ? [] : (is_array($value) ? $value : [$value]);
}

class Refused extends Exception
{
}

class Dms
{
    public array $books = ['last' => 10000000, 'orders' => [], 'sessions' => []];
    private $file;

    public function __construct()
    {
        $this->file = fopen(getenv('PEER_STATE'), 'c+');
        flock($this->file, LOCK_EX);
        $held = stream_get_contents($this->file);
        if ($held) {
            $this->books = unserialize($held);
        }
    }

    private function keep(): void
    {
        ftruncate($this->file, 0);
        rewind($this->file);
        fwrite($this->file, serialize($this->books));
        fflush($this->file);
    }

    private function next(string $prefix): string
    {
        return $prefix . ++$this->books['last'];
    }

    private function refuse(string $code, string $message): never
    {
        throw new SoapFault('Client', "$code: $message", null, ['code' => $code, 'message' => $message], 'BusinessFault');
    }

    private function &held(string $number): array
    {
        if (!isset($this->books['orders'][$number])) {
            $this->refuse('NOT_FOUND', "there is no sales order $number");
        }
        return $this->books['orders'][$number];
    }

    private function now(): string
    {
        return gmdate('Y-m-d\TH:i:s\Z');
    }

    private function whole(array $order): array
    {
        $status = $order['cancelled'] ? 'CANCELLED' : ($order['notes'] ? 'IN_DELIVERY' : 'OPEN');
        return [
            'orderNumber' => $order['number'],
            'externalNumber' => $order['content']->externalNumber,
            'status' => $status,
            'createdAt' => $order['createdAt'],
            'changedAt' => $order['createdAt'],
            'content' => $order['content'],
            'deliveryNotes' => $order['notes'],
            'invoiceApplications' => $order['applications'],
            'shipments' => $order['shipments'],
            'invoices' => $order['invoices'],
            'returns' => $order['returns'],
        ];
    }

    public function Login($request)
    {
        if ($request->user !== 'connector' || $request->password !== 'sandbox-secret') {
            return ['success' => false, 'reason' => '用户名或密码错误'];
        }
        $session = $this->next('S');
        $this->books['sessions'][] = $session;
        $this->keep();
        return ['success' => true, 'sessionId' => $session];
    }

    public function ship(): void
    {
        foreach ($this->books['orders'] as &$order) {
            foreach ($order['notes'] as $note) {
                $order['shipments'][] = [
                    'deliveryNoteNumber' => $note['deliveryNoteNumber'], 'carrier' => 'SF',
                    'trackingNumber' => 'PHP' . $note['deliveryNoteNumber'],
                    'shippedAt' => '2026-11-24T05:00:00Z', 'lines' => $note['lines'],
                ];
            }
        }
        $this->books['sessions'] = []; // every session is over by then
        $this->keep();
    }

    public function invoice(): void
    {
        foreach ($this->books['orders'] as &$order) {
            foreach ($order['applications'] as $asked) {
                $order['invoices'][] = [
                    'applicationNumber' => $asked['applicationNumber'],
                    'invoiceNumber' => substr($asked['applicationNumber'], 2), 'kind' => $asked['kind'],
                    'date' => '2026-11-24', 'netAmount' => $asked['amount'], 'taxAmount' => '0.00',
                    'grossAmount' => $asked['amount'], 'red' => false,
                ];
            }
        }
        $this->keep();
    }

    public function CreateSalesOrder($request)
    {
        $header = $request->header;
        if ($header->customerNumber === '0000000404') {
            $this->refuse('UNKNOWN_CUSTOMER', 'not known');
        }
        $number = $this->next('SO');
        $header->lines = listed($header->lines);
        $this->books['orders'][$number] = [
            'number' => $number, 'content' => $header, 'createdAt' => $this->now(),
            'cancelled' => false, 'notes' => [], 'applications' => [], 'returns' => [],
            'shipments' => [], 'invoices' => [],
        ];
        $this->keep();
        return ['orderNumber' => $number, 'status' => 'OPEN', 'createdAt' => $this->now()];
    }

    public function FindSalesOrder($request)
    {
        $found = [];
        foreach ($this->books['orders'] as $order) {
            $unit = $request->businessUnit ?? $order['content']->businessUnit;
            if ($order['content']->externalNumber === $request->externalNumber && $order['content']->businessUnit === $unit) {
                $found[] = $this->whole($order);
            }
        }
        return ['orders' => $found];
    }

    public function CreateDeliveryNote($request)
    {
        $order = &$this->held($request->orderNumber);
        $number = $this->next('DN');
        $order['notes'][] = [
            'deliveryNoteNumber' => $number, 'status' => 'OPEN',
            'externalReference' => $request->externalReference, 'plant' => $request->plant,
            'createdAt' => $this->now(), 'lines' => listed($request->lines),
        ];
        $this->keep();
        return ['deliveryNoteNumber' => $number];
    }

    public function ApplyForInvoice($request)
    {
        $order = &$this->held($request->orderNumber);
        $number = $this->next('IA');
        $order['applications'][] = [
            'applicationNumber' => $number, 'status' => 'OPEN',
            'externalReference' => $request->externalReference, 'kind' => $request->kind,
            'title' => $request->title, 'amount' => $request->amount, 'createdAt' => $this->now(),
        ];
        $this->keep();
        return ['applicationNumber' => $number];
    }

    public function CancelSalesOrder($request)
    {
        $order = &$this->held($request->orderNumber);
        $order['cancelled'] = true;
        $this->keep();
        return ['orderNumber' => $request->orderNumber, 'status' => 'CANCELLED', 'cancelledAt' => $this->now()];
    }

    public function RegisterReturn($request)
    {
        $order = &$this->held($request->orderNumber);
        $number = $this->next('RT');
        $order['returns'][] = [
            'returnNumber' => $number, 'status' => 'REGISTERED',
            'externalReference' => $request->externalReference, 'lines' => listed($request->lines),
            'reason' => $request->reason, 'registeredAt' => $this->now(),
        ];
        $this->keep();
        return ['returnNumber' => $number];
    }

    public function StatusChangedSince($request)
    {
        $changed = [];
        foreach ($this->books['orders'] as $order) {
            $whole = $this->whole($order);
            $told = ['orderNumber', 'externalNumber', 'status', 'changedAt', 'shipments', 'invoices'];
            $changed[] = array_intersect_key($whole, array_flip($told));
        }
        return ['orders' => $changed];
    }
}

$dms = new Dms();
if ($_SERVER['REQUEST_METHOD'] !== 'POST') {
    $act = trim($_SERVER['REQUEST_URI'], '/');
    if ($act === 'ship' || $act === 'invoice') {
        $dms->$act();
    }
    echo json_encode(array_map(fn ($order) => $order['content']->externalNumber, $dms->books['orders']));
    return;
}
$server = new SoapServer(getenv('PEER_WSDL'), ['cache_wsdl' => WSDL_CACHE_NONE]);
$server->setObject($dms);
$asked = file_get_contents('php://input');
$session = preg_match('#SessionId[^>]*>([^<]*)<#', $asked, $found) ? $found[1] : '';
if (getenv('PEER_LOGIN') && !preg_match('#Body>\s*<[\w:]*Login[ >]#', $asked)
    && !in_array($session, $dms->books['sessions'], true)) {
    $server->fault('Server.SessionTimeout', '会话已超时，请重新登录');
}
$server->handle($asked);
