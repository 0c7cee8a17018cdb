# What a BIOS starts from the image that boot_images.py makes. It stands in the first 8 KiB of the disk, behind the parameters of a FAT, and
# speaks through the third serial port: which disk it is on, and then what comes of each line that it gets there.
#
#   rLBA COUNT   reads COUNT times 32 KiB from LBA on; "sum " and the checksum of what it read
#   wLBA         writes the 32 KiB read last to LBA; "written"
#
# or "error " and what INT 13h says. All numbers are hexadecimal, in lines to it in small letters.
    .intel_syntax noprefix
    .code16
    .globl _start
    .equ port, 0x3E8
    .equ parameters, 0x600      # what INT 13h says of the drive
    .equ packet, 0x640          # what INT 13h is to do
    .equ drive, 0x660
    .equ buffer, 0x1000         # a segment
    .equ chunk, 0x8000
    .equ size, 0x2000           # of this program

_start:
    jmp first
    .org 0x3E
first:
    ljmp 0, offset 1f
1:  xor ax, ax
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov sp, 0x7C00
    cld
    mov [drive], dl
    mov dx, port + 3            # eight bits a character
    mov al, 3
    out dx, al
    mov word ptr [parameters], 0x1A
    mov ah, 0x48
    mov si, parameters
    call disk
    jc stop
    xor eax, eax
    mov [packet + 8], eax
    mov [packet + 12], eax
    mov dword ptr [packet + 4], 0x7C00
    mov ax, size                # all of it, this block too: a BIOS brings one block alone
    call count
    mov ah, 0x42
    call transfer
    jnc began
stop:
    call failed
1:  hlt
    jmp 1b

# What AH says, with the packet
transfer:
    mov al, 0
    mov word ptr [packet], 0x10
    mov si, packet
disk:
    mov dl, [drive]
    int 0x13
    ret

# The packet is to be of AX bytes.
count:
    xor dx, dx
    div word ptr [parameters + 0x18]
    mov [packet + 2], ax
    ret

failed:
    movzx ebx, ah
    mov si, offset error
    call say
    mov eax, ebx
number_line:
    call number
line:
    mov al, 10
put:
    push ax
    push dx
    mov ah, al
    mov dx, port + 5
1:  in al, dx
    test al, 0x20
    jz 1b
    mov al, ah
    mov dx, port
    out dx, al
    pop dx
    pop ax
    ret

say:
    lodsb
    test al, al
    jz 1f
    call put
    jmp say
1:  ret

# EAX in hexadecimal
number:
    mov cx, 8
1:  rol eax, 4
    push ax
    and al, 15
    cmp al, 10
    sbb al, 0x69
    das
    call put
    pop ax
    loop 1b
    ret

error: .asciz "error "
    .org 0x1FE
    .word 0xAA55

began:
    mov si, offset boots
    call say
    mov eax, [parameters + 0x14]
    call number
    mov eax, [parameters + 0x10]
    call number
    mov si, offset blocks
    call say
    movzx eax, word ptr [parameters + 0x18]
    call number_line
next:
    call get
    cmp al, 'r'
    je read
    cmp al, 'w'
    je write
    jmp next

read:
    call take
    mov [packet + 8], eax
    mov [packet + 12], edx
    call take
    mov bp, ax
    xor ebx, ebx
1:  call whole
    mov ah, 0x42
    call transfer
    jc 3f
    movzx eax, word ptr [packet + 2]
    add [packet + 8], eax
    adc dword ptr [packet + 12], 0
    push ds
    mov ax, buffer
    mov ds, ax
    xor si, si
    mov cx, chunk / 4
2:  lodsd
    rol ebx, 1
    add ebx, eax
    loop 2b
    pop ds
    dec bp
    jnz 1b
    mov si, offset sum
    call say
    mov eax, ebx
    call number_line
    jmp next
3:  call failed
    jmp next

write:
    call take
    mov [packet + 8], eax
    mov [packet + 12], edx
    call whole
    mov ah, 0x43
    call transfer
    jc 3b
    mov si, offset written
    call say
    call line
    jmp next

# The packet is to be of all the buffer.
whole:
    mov dword ptr [packet + 4], buffer << 16
    mov ax, chunk
    jmp count

# EDX:EAX: the number that comes next, up to what is no digit
take:
    xor eax, eax
    xor edx, edx
1:  push eax
    call get
    movzx ecx, al
    pop eax
    sub cl, '0'
    jb 3f
    cmp cl, 10
    jb 2f
    sub cl, 'a' - '0' - 10
2:  shld edx, eax, 4
    shl eax, 4
    or eax, ecx
    jmp 1b
3:  ret

# A character, in AL; halts from time to time, that a machine which waits costs little
get:
    push dx
    mov dx, port + 5
1:  mov cx, 0x1000
2:  in al, dx
    test al, 1
    jnz 3f
    loop 2b
    sti
    hlt
    jmp 1b
3:  mov dx, port
    in al, dx
    pop dx
    ret

boots:   .asciz "Targe boots: blocks "
blocks:  .asciz " of "
sum:     .asciz "sum "
written: .asciz "written"
    .org size
