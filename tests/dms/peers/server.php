<?php
// A DMS behind PHP's SoapServer: the sandbox's WSDL, a memory in a file, and its own manners.
// Run by `php -S`; PEER_WSDL and PEER_STATE name the WSDL and the file.
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
    private array $books = ['last' => 10000000, 'orders' => []];
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
            'returns' => $order['returns'],
        ];
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
            $changed[] = array_intersect_key($whole, array_flip(['orderNumber', 'externalNumber', 'status', 'changedAt']));
        }
        return ['orders' => $changed];
    }
}

if ($_SERVER['REQUEST_METHOD'] !== 'POST') {
    echo 'ready';
    return;
}
$server = new SoapServer(getenv('PEER_WSDL'), ['cache_wsdl' => WSDL_CACHE_NONE]);
$server->setObject(new Dms());
$server->handle();
